/*
 * template-node.c - prints nodes as Go does in errors, and looks for names in them
 */
#include "codec/template-priv.h"

static void print_vec(const struct node_vec *vec, const char *sep, struct buf *out)
{
	for (size_t i = 0; i < vec->n; i++) {
		if (i)
			buf_adds(out, sep);
		if (vec->v[i]->kind == N_PIPE && sep[0] == ' ' && !sep[1]) {
			buf_addc(out, '(');
			tmpl_node_print(vec->v[i], out);
			buf_addc(out, ')');
		} else {
			tmpl_node_print(vec->v[i], out);
		}
	}
}

static void print_branch(const char *name, const struct node *n, struct buf *out)
{
	buf_addf(out, "{{%s ", name);
	tmpl_node_print(n->pipe, out);
	buf_adds(out, "}}");
	tmpl_node_print(n->list, out);
	if (n->els) {
		buf_adds(out, "{{else}}");
		tmpl_node_print(n->els, out);
	}
	buf_adds(out, "{{end}}");
}

static void print_ids(const struct node *n, struct buf *out)
{
	for (size_t i = 0; i < n->ids.n; i++) {
		if (i || n->kind != N_VARIABLE)
			buf_addc(out, '.');
		buf_adds(out, n->ids.v[i]);
	}
}

static void print_template(const struct node *n, struct buf *out)
{
	buf_adds(out, "{{template ");
	go_append_quote(out, n->text, strlen(n->text), false);
	if (n->pipe) {
		buf_addc(out, ' ');
		tmpl_node_print(n->pipe, out);
	}
	buf_adds(out, "}}");
}

void tmpl_node_print(const struct node *n, struct buf *out)
{
	switch (n->kind) {
	case N_LIST:
		print_vec(&n->kids, "", out);
		break;
	case N_ACTION:
		buf_adds(out, "{{");
		tmpl_node_print(n->pipe, out);
		buf_adds(out, "}}");
		break;
	case N_IF:
		print_branch("if", n, out);
		break;
	case N_RANGE:
		print_branch("range", n, out);
		break;
	case N_WITH:
		print_branch("with", n, out);
		break;
	case N_TEMPLATE:
		print_template(n, out);
		break;
	case N_BREAK:
		buf_adds(out, "{{break}}");
		break;
	case N_CONTINUE:
		buf_adds(out, "{{continue}}");
		break;
	case N_ELSE:
		buf_adds(out, "{{else}}");
		break;
	case N_END:
		buf_adds(out, "{{end}}");
		break;
	case N_PIPE:
		if (n->decl.n) {
			print_vec(&n->decl, ", ", out);
			buf_adds(out, n->assign ? " = " : " := ");
		}
		print_vec(&n->kids, " | ", out);
		break;
	case N_COMMAND:
		print_vec(&n->kids, " ", out);
		break;
	case N_DOT:
		buf_addc(out, '.');
		break;
	case N_NIL:
		buf_adds(out, "nil");
		break;
	case N_CHAIN:
		if (n->pipe->kind == N_PIPE)
			buf_addc(out, '(');
		tmpl_node_print(n->pipe, out);
		if (n->pipe->kind == N_PIPE)
			buf_addc(out, ')');
		print_ids(n, out);
		break;
	case N_FIELD:
	case N_VARIABLE:
		print_ids(n, out);
		break;
	case N_TEXT:
	case N_IDENT:
	case N_BOOL:
	case N_NUMBER:
	case N_STRING:
		buf_add(out, n->text, n->len);
		break;
	}
}

static bool mentions(const struct node *n, const char *name);

static bool vec_mentions(const struct node_vec *vec, const char *name)
{
	for (size_t i = 0; i < vec->n; i++)
		if (mentions(vec->v[i], name))
			return true;
	return false;
}

static bool mentions(const struct node *n, const char *name)
{
	if (!n)
		return false;
	for (size_t i = 0; i < n->ids.n; i++)
		if (streq(n->ids.v[i], name))
			return true;
	return vec_mentions(&n->kids, name) || mentions(n->pipe, name) || mentions(n->list, name) ||
	       mentions(n->els, name);
}

bool tmpl_mentions(const struct tmpl *t, const char *name)
{
	if (mentions(t->root, name))
		return true;
	map_for_each (it, &t->defined)
		if (mentions(it->value, name))
			return true;
	return false;
}
