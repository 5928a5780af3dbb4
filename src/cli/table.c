/*
 * table.c - columns of text, and what is cut to fit them
 *
 * (1) A column is a run of lines that all have a cell there which a tab ends: what Go's
 *     text/tabwriter does. The last cell of a line belongs to no column.
 */
#include "cli/output.h"
#include "codec/text.h"

struct cell {
	const char *p;
	size_t len, width;
};

struct line {
	size_t first, n; /* cells */
};

struct table {
	struct cell *cells;
	struct line *lines;
	size_t ncells, nlines;
	size_t *widths, nwidths;
	unsigned minwidth, padding;
	bool last_open; /* the last line has no newline */
	struct buf *out;
};

/* East Asian wide and fullwidth characters, and emoji, take two columns. */
static unsigned rune_width(uint32_t r)
{
	static const struct {
		uint32_t first, last;
	} wide[] = {
		{0x1100, 0x115f},   {0x231a, 0x231b},	{0x2329, 0x232a},   {0x23e9, 0x23ec},
		{0x2e80, 0x303e},   {0x3041, 0x33ff},	{0x3400, 0x4dbf},   {0x4e00, 0x9fff},
		{0xa000, 0xa4cf},   {0xa960, 0xa97f},	{0xac00, 0xd7a3},   {0xf900, 0xfaff},
		{0xfe30, 0xfe6f},   {0xff00, 0xff60},	{0xffe0, 0xffe6},   {0x1f300, 0x1f64f},
		{0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
	};

	for (size_t i = 0; i < ARRAY_LEN(wide); i++)
		if (r >= wide[i].first && r <= wide[i].last)
			return 2;
	return 1;
}

static size_t width_of(const char *s, size_t n)
{
	size_t width = 0;

	while (n) {
		uint32_t r;
		size_t k = utf8_decode(s, n, &r);

		width += rune_width(r);
		s += k;
		n -= k;
	}
	return width;
}

static void split(struct table *t, const char *text, size_t len)
{
	size_t ncells = 1, nlines = 1, start = 0;
	struct line *line;

	for (size_t i = 0; i < len; i++) {
		ncells += text[i] == '\t' || text[i] == '\n';
		nlines += text[i] == '\n';
	}
	t->cells = xnew_n(struct cell, ncells);
	t->lines = xnew_n(struct line, nlines);
	t->widths = xnew_n(size_t, ncells + 1);
	line = &t->lines[t->nlines++];
	for (size_t i = 0; i <= len; i++) {
		struct cell *c;

		if (i < len && text[i] != '\t' && text[i] != '\n')
			continue;
		c = &t->cells[t->ncells++];
		c->p = text + start;
		c->len = i - start;
		c->width = width_of(c->p, c->len);
		line->n++;
		start = i + 1;
		if (i < len && text[i] == '\n') {
			line = &t->lines[t->nlines++];
			line->first = t->ncells;
		}
	}
	t->last_open = true;
}

static void write_lines(struct table *t, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		const struct line *l = &t->lines[i];

		for (size_t k = 0; k < l->n; k++) {
			const struct cell *c = &t->cells[l->first + k];

			buf_add(t->out, c->p, c->len);
			for (size_t w = c->width; k < t->nwidths && w < t->widths[k]; w++)
				buf_addc(t->out, ' ');
		}
		if (i + 1 < t->nlines)
			buf_addc(t->out, '\n');
	}
}

static void format(struct table *t, size_t from, size_t to)
{
	size_t column = t->nwidths;

	for (size_t i = from; i < to; i++) {
		size_t width = t->minwidth;

		if (column + 1 >= t->lines[i].n)
			continue;
		write_lines(t, from, i);
		from = i;
		for (; i < to && column + 1 < t->lines[i].n; i++) {
			size_t w = t->cells[t->lines[i].first + column].width + t->padding;

			width = MAX(width, w);
		}
		t->widths[t->nwidths++] = width;
		format(t, from, i);
		t->nwidths--;
		from = i;
	}
	write_lines(t, from, to);
}

void tabwrite(struct buf *out, const char *text, size_t len, unsigned minwidth, unsigned padding)
{
	struct table t = {.minwidth = minwidth, .padding = padding, .out = out};

	split(&t, text, len);
	format(&t, 0, t.nlines);
	free(t.cells);
	free(t.lines);
	free(t.widths);
}

char *ellipsis(const char *s, size_t max)
{
	size_t n = strlen(s), width = 0, cut = 0;
	bool found = false;
	uint32_t r;

	if (!max || !n)
		return xstrdup("");
	if (max == 1)
		return xstrndup(s, utf8_decode(s, n, &r));
	for (size_t i = 0; i < n;) {
		size_t k = utf8_decode(s + i, n - i, &r);

		if (!found && width + rune_width(r) > max - 1) {
			cut = i;
			found = true;
		}
		width += rune_width(r);
		i += k;
	}
	return width <= max ? xstrdup(s) : xasprintf("%.*s…", (int)cut, s);
}

char *go_quote(const char *s)
{
	struct buf b = {0};

	go_append_quote(&b, s, strlen(s), false);
	return buf_take(&b);
}
