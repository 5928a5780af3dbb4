/*
 * template-exec.c - runs a template over data
 *
 * (1) Values are borrowed: from the data, from the template, or from exec->keep, which holds
 *     what functions made. An action drops what it made; variables hold references of their own.
 * (2) exec->at is the node an error is reported at, as Go tracks it.
 * (3) Steps, nesting and output are bounded.
 */
#include "codec/template-priv.h"

struct variable {
	const char *name;
	struct val val; /* a reference of its own */
};

enum flow { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE, FLOW_FAILED };

struct exec {
	struct tmpl *t;
	const char *name; /* of the template that runs */
	unsigned flags;
	struct buf *out;
	struct err *err;
	const struct node *at;
	struct variable *vars;
	size_t nvars, cap;
	json_t *keep;
	size_t bytes, steps, limit;
	int depth;
	bool failed;
};

static const struct val invalid = {0};
static const struct val none = {.missing = true};

static struct val eval_pipeline(struct exec *x, struct val dot, const struct node *pipe);
static struct val eval_arg(struct exec *x, struct val dot, enum param p, const struct node *n);
static enum flow walk(struct exec *x, struct val dot, const struct node *n);

/* --- errors --- */

static struct val fail(struct exec *x, const char *fmt, ...) PRINTF(2, 3);
static struct val fail(struct exec *x, const char *fmt, ...)
{
	AUTO(buf) struct buf node = {0}, name = {0};
	size_t line = 1, col = 0;
	char msg[600];
	va_list ap;

	if (x->failed)
		return invalid;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < x->at->pos; i++) {
		col++;
		if (x->t->text[i] == '\n') {
			line++;
			col = 0;
		}
	}
	tmpl_node_print(x->at, &node);
	go_append_quote(&name, x->name, strlen(x->name), false);
	err_set(x->err, ERR_INVALID, "template: :%zu:%zu: executing %.100s at <%.250s>: %s", line,
		col, name.p, node.p ? node.p : "", msg);
	x->failed = true;
	return invalid;
}

static struct val fail_type(struct exec *x, const char *fmt, const char *arg, struct val v)
{
	AUTO(buf) struct buf b = {0};

	if (v.iface)
		buf_adds(&b, "interface {}");
	else
		val_type_name(v, &b);
	return fail(x, fmt, arg, b.p);
}

/* --- variables --- */

static void push_var(struct exec *x, const char *name, struct val v)
{
	if (x->nvars == x->cap) {
		x->cap = x->cap ? x->cap * 2 : 8;
		x->vars = xrealloc(x->vars, x->cap * sizeof(*x->vars));
	}
	json_incref(v.j);
	x->vars[x->nvars++] = (struct variable){name, v};
}

static void pop_vars(struct exec *x, size_t mark)
{
	while (x->nvars > mark)
		json_decref(x->vars[--x->nvars].val.j);
}

static void assign(struct variable *var, struct val v)
{
	json_incref(v.j);
	json_decref(var->val.j);
	var->val = v;
}

static struct variable *find_var(struct exec *x, const char *name)
{
	for (size_t i = x->nvars; i-- > 0;)
		if (streq(x->vars[i].name, name))
			return &x->vars[i];
	fail(x, "undefined variable: %s", name);
	return NULL;
}

static void set_var(struct exec *x, const char *name, struct val v)
{
	struct variable *var = find_var(x, name);

	if (!var)
		return;
	/* An argument of the call around us may still borrow the old value. */
	if (var->val.j)
		json_array_append(x->keep, var->val.j);
	assign(var, v);
}

static void drop_kept(struct exec *x, size_t mark)
{
	while (json_array_size(x->keep) > mark)
		json_array_remove(x->keep, json_array_size(x->keep) - 1);
}

/* --- arguments --- */

static const char *param_name(enum param p)
{
	static const char *const names[] = {
		[P_ANY] = "interface {}", [P_VALUE] = "reflect.Value", [P_STRING] = "string",
		[P_INT] = "int",	  [P_STRINGS] = "[]string",
	};

	return names[p];
}

static bool fits(struct val v, enum param p)
{
	switch (p) {
	case P_STRING:
		return val_kind(v) == V_STRING;
	case P_INT:
		return val_kind(v) == V_INT;
	case P_STRINGS:
		if (val_kind(v) != V_LIST)
			return false;
		for (size_t i = 0; i < val_len(v); i++)
			if (val_kind(val_at(v, i)) != V_STRING)
				return false;
		return true;
	default:
		return true;
	}
}

static struct val check_arg(struct exec *x, struct val v, enum param p)
{
	static const struct tmpl_type strings = {.kind = TMPL_LIST};

	if (x->failed)
		return invalid;
	if (!v.j) {
		if (p == P_STRINGS)
			return (struct val){.j = json_null(), .type = &strings};
		if (p == P_STRING || p == P_INT)
			return fail(x, "invalid value; expected %s", param_name(p));
		return p == P_ANY ? (struct val){.j = json_null()} : v;
	}
	if ((x->flags & TMPL_HEADER) && p == P_STRINGS && val_kind(v) == V_STRING)
		return v;
	if (!fits(v, p)) {
		AUTO(buf) struct buf b = {0};

		val_type_name(v, &b);
		if (v.iface && val_kind(v) == V_NIL)
			b.len = 0, buf_adds(&b, "interface {}");
		return fail(x, "wrong type for value; expected %s; got %s", param_name(p), b.p);
	}
	v.iface = false;
	return v;
}

static struct val constant_arg(struct exec *x, enum param p, const struct node *n)
{
	AUTO(buf) struct buf b = {0};
	struct val v = {.j = n->value};

	tmpl_node_print(n, &b);
	if (p == P_STRING && n->kind != N_STRING)
		return fail(x, "expected string; found %s", b.p);
	if (p == P_STRINGS)
		return fail(x, "can't handle %s for arg of type []string", b.p);
	if (p == P_INT) {
		double d = json_number_value(n->value);

		if (n->kind != N_NUMBER || d != (double)(int64_t)d)
			return fail(x, "expected integer; found %s", b.p);
	}
	return v;
}

/* --- calls --- */

static enum param param_of(const struct func *f, size_t i)
{
	return f->params[MIN(i, (size_t)f->nfixed - !f->variadic)];
}

static struct val eval_logic(struct exec *x, struct val dot, bool is_or,
			     const struct node_vec *args, struct val final)
{
	struct val v = invalid;

	for (size_t i = 1; args && i < args->n && !x->failed; i++) {
		v = eval_arg(x, dot, P_VALUE, args->v[i]);
		if (val_true(v) == is_or)
			return v;
	}
	return final.missing ? v : final;
}

static bool count_ok(struct exec *x, const struct func *f, size_t given, size_t total)
{
	if (f->variadic && total < (size_t)f->nfixed)
		fail(x, "wrong number of args for %s: want at least %d got %zu", f->name, f->nfixed,
		     given);
	else if (!f->variadic && total != (size_t)f->nfixed)
		fail(x, "wrong number of args for %s: want %d got %zu", f->name, f->nfixed, total);
	return !x->failed;
}

static struct val eval_function(struct exec *x, struct val dot, const struct node *n,
				const struct node *cmd, const struct node_vec *args,
				struct val final)
{
	const struct func *f = tmpl_find_func(n->text, n->len);
	size_t given = args ? args->n - 1 : 0, total = given + !final.missing;
	AUTO(free) struct val *argv = NULL;
	struct val ret = invalid;
	struct err err = ERR_INIT;
	struct call call = {x->flags, x->keep, &x->bytes, &err};

	x->at = n;
	if (!count_ok(x, f, given, total))
		return invalid;
	if (streq(f->name, "and") || streq(f->name, "or"))
		return eval_logic(x, dot, f->name[0] == 'o', args, final);
	argv = xnew_n(struct val, total + 1);
	for (size_t i = 0; i < given; i++)
		argv[i] = eval_arg(x, dot, param_of(f, i), args->v[i + 1]);
	if (!final.missing)
		argv[given] = check_arg(x, final, param_of(f, total - 1));
	if (x->failed)
		return invalid;
	if (f->call(&call, argv, total, &ret) < 0) {
		x->at = cmd;
		return fail(x, "error calling %s: %s", f->name, err.msg);
	}
	return ret;
}

static struct val call_method(struct exec *x, struct val dot, struct val self,
			      const struct node_vec *args, struct val final)
{
	size_t given = args ? args->n - 1 : 0, total = given + !final.missing;
	struct val arg;

	if (total != 1)
		return fail(x, "wrong number of args for %s: want 1 got %zu",
			    self.type->method_name, total);
	arg = given ? eval_arg(x, dot, P_STRING, args->v[1]) : check_arg(x, final, P_STRING);
	if (x->failed)
		return invalid;
	self.j = self.type->method(self.j, str_or(json_string_value(arg.j)));
	json_array_append_new(x->keep, self.j);
	return (struct val){.j = self.j};
}

/* --- fields --- */

static const struct tmpl_field *find_field(const struct tmpl_type *type, const char *name)
{
	for (const struct tmpl_field *f = type->fields; f && f->name; f++)
		if (streq(f->name, name))
			return f;
	return NULL;
}

/* A struct's field, or a method of it. False: it has neither. */
static bool struct_field(struct exec *x, struct val self, const char *name, struct val *ret)
{
	const struct tmpl_field *f = find_field(self.type, name);
	json_t *j;

	if (f) {
		*ret = val_field(self, f);
		return true;
	}
	j = self.type->fields ? NULL : json_object_get(self.j, name);
	if (!j && self.type->field) {
		j = self.type->field(self.j, name);
		if (j)
			json_array_append_new(x->keep, j);
	}
	*ret = (struct val){.j = j};
	return j != NULL;
}

static struct val eval_field(struct exec *x, struct val dot, const char *name,
			     const struct node_vec *args, struct val final, struct val self)
{
	bool has_args = (args && args->n > 1) || !final.missing;
	enum val_kind k = val_kind(self);
	struct val v;

	if (x->failed)
		return invalid;
	if (k == V_INVALID) {
		if (x->flags & TMPL_MISSING_IS_ERROR)
			return fail(x, "nil data; no entry for key \"%s\"", name);
		return invalid;
	}
	if (k == V_STRUCT && streq(self.type->method_name, name))
		return call_method(x, dot, self, args, final);
	if (k == V_STRUCT && struct_field(x, self, name, &v)) {
		if (has_args && self.type->fields)
			return fail(x, "%s has arguments but cannot be invoked as function", name);
		if (has_args)
			return fail(x, "wrong number of args for %s: want 0 got %zu", name,
				    (args ? args->n - 1 : 0) + !final.missing);
		return v;
	}
	if (k == V_MAP) {
		if (has_args)
			return fail(x, "%s is not a method but has arguments", name);
		v = val_key(self, name, strlen(name));
		if (!v.j && (x->flags & TMPL_MISSING_IS_ERROR))
			return fail(x, "map has no entry for key \"%s\"", name);
		return v;
	}
	if (k == V_NIL && !(self.type && self.type->fields && !find_field(self.type, name))) {
		AUTO(buf) struct buf b = {0};

		if (self.type)
			val_type_name(self, &b);
		return fail(x, "nil pointer evaluating %s.%s", self.type ? b.p : "interface {}",
			    name);
	}
	return fail_type(x, "can't evaluate field %s in type %s", name, self);
}

static struct val eval_chain(struct exec *x, struct val dot, struct val self,
			     const char *const *ids, size_t n, const struct node_vec *args,
			     struct val final)
{
	for (size_t i = 0; i < n; i++) {
		bool last = i + 1 == n;

		self = eval_field(x, dot, ids[i], last ? args : NULL, last ? final : none, self);
	}
	return self;
}

/* --- commands --- */

static struct val not_a_function(struct exec *x, const struct node_vec *args, struct val final,
				 struct val v)
{
	AUTO(buf) struct buf b = {0};

	if (final.missing && (!args || args->n <= 1))
		return v;
	tmpl_node_print(args->v[0], &b);
	return fail(x, "can't give argument to non-function %s", b.p);
}

/* A node with the arguments of its command; NULL: it stands alone. */
static struct val eval_node(struct exec *x, struct val dot, const struct node *n,
			    const struct node *cmd, struct val final)
{
	const struct node_vec *args = cmd ? &cmd->kids : NULL;
	struct variable *var;
	struct val v;

	if (n->kind != N_PIPE)
		x->at = n;
	switch (n->kind) {
	case N_FIELD:
		return eval_chain(x, dot, dot, n->ids.v, n->ids.n, args, final);
	case N_CHAIN:
		if (n->pipe->kind == N_NIL) {
			AUTO(buf) struct buf b = {0};

			tmpl_node_print(n, &b);
			return fail(x, "indirection through explicit nil in %s", b.p);
		}
		v = eval_node(x, dot, n->pipe, NULL, none);
		return eval_chain(x, dot, v, n->ids.v, n->ids.n, args, final);
	case N_IDENT:
		return eval_function(x, dot, n, cmd ? cmd : n, args, final);
	case N_PIPE:
		v = not_a_function(x, args, final, invalid);
		return x->failed ? v : eval_pipeline(x, dot, n);
	case N_VARIABLE:
		var = find_var(x, n->ids.v[0]);
		if (!var)
			return invalid;
		if (n->ids.n == 1)
			return not_a_function(x, args, final, var->val);
		return eval_chain(x, dot, var->val, n->ids.v + 1, n->ids.n - 1, args, final);
	case N_DOT:
		return not_a_function(x, args, final, dot);
	case N_NIL:
		not_a_function(x, args, final, dot);
		return fail(x, "nil is not a command");
	default:
		return not_a_function(x, args, final, (struct val){.j = n->value});
	}
}

static struct val eval_arg(struct exec *x, struct val dot, enum param p, const struct node *n)
{
	if (x->failed)
		return invalid;
	x->at = n;
	switch (n->kind) {
	case N_DOT:
		return check_arg(x, dot, p);
	case N_NIL:
		if (p == P_STRING || p == P_INT)
			return fail(x, "cannot assign nil to %s", param_name(p));
		return p == P_VALUE ? invalid : check_arg(x, invalid, p);
	case N_BOOL:
	case N_NUMBER:
	case N_STRING:
		return constant_arg(x, p, n);
	default:
		return check_arg(x, eval_node(x, dot, n, NULL, none), p);
	}
}

static struct val eval_pipeline(struct exec *x, struct val dot, const struct node *pipe)
{
	struct val v = none;

	x->at = pipe;
	if (++x->steps > TMPL_MAX_STEPS)
		return fail(x, "too many steps");
	for (size_t i = 0; i < pipe->kids.n && !x->failed; i++) {
		const struct node *cmd = pipe->kids.v[i];

		v = eval_node(x, dot, cmd->kids.v[0], cmd, v);
		v.missing = false;
		/* An any that holds nil unwraps to nothing. */
		if (v.iface && val_kind(v) == V_NIL)
			v = invalid;
		v.iface = false;
	}
	if (x->failed)
		return invalid;
	for (size_t i = 0; i < pipe->decl.n; i++) {
		const char *name = pipe->decl.v[i]->ids.v[0];

		if (pipe->assign)
			set_var(x, name, v);
		else
			push_var(x, name, v);
	}
	return v;
}

/* --- statements --- */

static void print_value(struct exec *x, const struct node *n, struct val v)
{
	x->at = n;
	if (!v.j)
		buf_adds(x->out, "<no value>");
	else
		go_print_value(x->out, v);
}

static enum flow walk_if_with(struct exec *x, struct val dot, const struct node *n)
{
	size_t mark = x->nvars;
	struct val v = eval_pipeline(x, dot, n->pipe);
	enum flow flow = FLOW_ON;

	if (x->failed)
		return FLOW_FAILED;
	json_incref(v.j);
	if (val_true(v))
		flow = walk(x, n->kind == N_WITH ? v : dot, n->list);
	else if (n->els)
		flow = walk(x, dot, n->els);
	json_decref(v.j);
	pop_vars(x, mark);
	return flow;
}

static enum flow iterate(struct exec *x, const struct node *n, struct val index, struct val elem)
{
	const struct node_vec *decl = &n->pipe->decl;
	size_t mark = x->nvars;
	size_t kept = json_array_size(x->keep);
	enum flow flow;

	if (decl->n && n->pipe->assign) {
		set_var(x, decl->v[0]->ids.v[0], decl->n > 1 ? index : elem);
		if (decl->n > 1)
			set_var(x, decl->v[1]->ids.v[0], elem);
	} else if (decl->n) {
		assign(&x->vars[mark - 1], elem);
		if (decl->n > 1)
			assign(&x->vars[mark - 2], index);
	}
	flow = walk(x, elem, n->list);
	pop_vars(x, mark);
	drop_kept(x, kept);
	return flow == FLOW_CONTINUE ? FLOW_ON : flow;
}

static enum flow range_list(struct exec *x, const struct node *n, struct val v)
{
	size_t len = val_kind(v) == V_INT ? (size_t)MAX(val_int(v), 0) : val_len(v);
	enum flow flow = FLOW_ON;

	for (size_t i = 0; i < len && flow == FLOW_ON; i++) {
		json_t *index = json_integer((json_int_t)i);
		struct val idx = {.j = index};

		flow = iterate(x, n, idx, val_kind(v) == V_INT ? idx : val_at(v, i));
		json_decref(index);
	}
	return flow;
}

static enum flow range_map(struct exec *x, const struct node *n, struct val v)
{
	size_t len;
	AUTO(free) const char **keys = val_sorted_keys(v, &len);
	enum flow flow = FLOW_ON;

	for (size_t i = 0; i < len && flow == FLOW_ON; i++) {
		json_t *key = json_string_nocheck(keys[i]);

		flow = iterate(x, n, (struct val){.j = key}, val_key(v, keys[i], strlen(keys[i])));
		json_decref(key);
	}
	return flow;
}

static enum flow walk_range(struct exec *x, struct val dot, const struct node *n)
{
	size_t mark = x->nvars;
	struct val v = eval_pipeline(x, dot, n->pipe);
	enum val_kind k = val_kind(v);
	enum flow flow = FLOW_ON;
	bool empty;

	if (x->failed)
		return FLOW_FAILED;
	if ((k != V_LIST && k != V_MAP && k != V_INT && k != V_INVALID) ||
	    (k == V_INT && n->pipe->decl.n > 1)) {
		AUTO(buf) struct buf b = {0};

		go_print_value(&b, v);
		if (k == V_INT)
			fail(x, "can't use %s to iterate over more than one variable", b.p);
		else
			fail(x, "range can't iterate over %s", b.p ? b.p : "");
		return FLOW_FAILED;
	}
	empty = k == V_INVALID || (k == V_INT ? val_int(v) <= 0 : val_len(v) == 0);
	json_incref(v.j);
	if (empty)
		flow = n->els ? walk(x, dot, n->els) : FLOW_ON;
	else
		flow = k == V_MAP ? range_map(x, n, v) : range_list(x, n, v);
	json_decref(v.j);
	pop_vars(x, mark);
	return !empty && flow == FLOW_BREAK ? FLOW_ON : flow;
}

static enum flow walk_template(struct exec *x, struct val dot, const struct node *n)
{
	const struct node *body = map_get(&x->t->defined, n->text);
	struct exec inner = *x;
	enum flow flow;

	x->at = n;
	if (!body) {
		fail(x, "template \"%s\" not defined", n->text);
		return FLOW_FAILED;
	}
	if (x->depth >= TMPL_MAX_NESTING) {
		fail(x, "exceeded maximum template depth (%d)", TMPL_MAX_NESTING);
		return FLOW_FAILED;
	}
	dot = n->pipe ? eval_pipeline(x, dot, n->pipe) : invalid;
	if (x->failed)
		return FLOW_FAILED;
	inner = *x;
	inner.vars = NULL;
	inner.nvars = inner.cap = 0;
	inner.depth++;
	inner.name = n->text;
	push_var(&inner, "$", dot);
	flow = walk(&inner, dot, body);
	pop_vars(&inner, 0);
	free(inner.vars);
	x->steps = inner.steps;
	x->bytes = inner.bytes;
	x->failed = inner.failed;
	return flow;
}

static enum flow walk_list(struct exec *x, struct val dot, const struct node *n)
{
	enum flow flow = FLOW_ON;

	for (size_t i = 0; i < n->kids.n && flow == FLOW_ON; i++)
		flow = walk(x, dot, n->kids.v[i]);
	return flow;
}

static enum flow walk_action(struct exec *x, struct val dot, const struct node *n)
{
	struct val v = eval_pipeline(x, dot, n->pipe);

	if (x->failed)
		return FLOW_FAILED;
	if (!n->pipe->decl.n)
		print_value(x, n, v);
	return FLOW_ON;
}

static enum flow walk(struct exec *x, struct val dot, const struct node *n)
{
	size_t kept = json_array_size(x->keep);
	enum flow flow = FLOW_ON;

	x->at = n;
	if (++x->steps > TMPL_MAX_STEPS || x->out->len > x->limit) {
		fail(x, x->out->len > x->limit ? "too much output" : "too many steps");
		return FLOW_FAILED;
	}
	switch (n->kind) {
	case N_LIST:
		return walk_list(x, dot, n);
	case N_TEXT:
		buf_add(x->out, n->text, n->len);
		break;
	case N_ACTION:
		flow = walk_action(x, dot, n);
		break;
	case N_IF:
	case N_WITH:
		flow = walk_if_with(x, dot, n);
		break;
	case N_RANGE:
		flow = walk_range(x, dot, n);
		break;
	case N_TEMPLATE:
		flow = walk_template(x, dot, n);
		break;
	case N_BREAK:
		return FLOW_BREAK;
	case N_CONTINUE:
		return FLOW_CONTINUE;
	default:
		break;
	}
	drop_kept(x, kept);
	return x->failed ? FLOW_FAILED : flow;
}

int tmpl_exec(struct tmpl *t, json_t *data, const struct tmpl_type *type, unsigned flags,
	      struct buf *out, struct err *err)
{
	struct exec x = {.t = t,
			 .name = "",
			 .flags = flags,
			 .out = out,
			 .err = err,
			 .limit = out->len + TMPL_MAX_OUTPUT};
	struct val dot = {.j = data, .type = type};

	x.keep = json_array();
	push_var(&x, "$", dot);
	walk(&x, dot, t->root);
	pop_vars(&x, 0);
	free(x.vars);
	json_decref(x.keep);
	return x.failed ? -1 : 0;
}
