/* SPDX-License-Identifier: Apache-2.0 */
/* From the text of a script to its lines. README.md has the grammar. */
#include <stdlib.h>
#include <string.h>

#include "fantail_reg_table.h"
#include "wire_words.h"

static const char *const wire_verbs[] = {
	"clock", "install", "publish", "close", "abort", "release", "update",
	"set",	 "return",  "count",   "query", "quiet", "drain",   "event",
	"data",	 "frame",   "<",       ">",	">?",
};

const char *const wire_event_names[16] = {
	"PEER_FIN", "RESET",   "TIMED_OUT", "OVERRUN", "LAGGING",
	"WRITABLE", "SKIPPED", "CLOSED",    "DRAINED", "RELEASED",
	"ABORTED",  "QUERY",   "FIN_ACKED",
};

const char *const wire_query_names[4] = { "acked", "queued", "retransmits",
					  "skipped" };

static void parse_when(struct wire_parser *p)
{
	struct wire_when *w = &p->l->when;
	char text[64];
	char *from = text, *dots;

	snprintf(text, sizeof(text), "%s", wire_next(p, "a time"));
	w->relative = *from == '+';
	from += w->relative;
	dots = strstr(from, "..");
	if (dots) {
		*dots = 0;
		w->window = true;
		w->to_us = wire_to_time(p, dots + 2);
	}
	w->from_us = wire_to_time(p, from);
	if (!dots)
		w->to_us = w->from_us;
	if (w->to_us < w->from_us)
		wire_bad(p, "the window ends before it begins");
}

static uint8_t parse_flags(struct wire_parser *p, const char *text)
{
	static const char letters[] = "FSRPAUEC";
	uint8_t flags = 0;
	const char *c;
	const char *hit;

	for (c = text; *c; c++) {
		hit = strchr(letters, *c);
		if (!hit || flags & 1 << (hit - letters))
			wire_bad(p, "'%s' are no flags (of F S R P A U E C)",
				 text);
		else
			flags |= (uint8_t)(1 << (hit - letters));
	}
	return flags;
}

static void parse_option(struct wire_parser *p, struct wire_spec *s)
{
	const char *text = wire_next(p, "bytes in hexadecimal");
	unsigned int v, n = 0;

	for (; !p->bad && *text; text += 2) {
		if (n == WIRE_OPTIONS || sscanf(text, "%2x", &v) != 1 ||
		    !text[1])
			wire_bad(p,
				 "options are up to 40 bytes in hexadecimal");
		else
			s->option[n++] = (uint8_t)v;
	}
	if (n % 4)
		wire_bad(p, "options fill words of four bytes");
	s->option_len = (uint8_t)n;
}

/* Fields that only the scripted peer may use. */
static bool parse_sent_field(struct wire_parser *p, struct wire_spec *s,
			     const char *word)
{
	if (!strcmp(word, "bad")) {
		const char *what = wire_next(p, "ip or tcp");

		if (!strcmp(what, "ip"))
			s->bad_ip = true;
		else if (!strcmp(what, "tcp"))
			s->bad_tcp = true;
		else
			wire_bad(p, "bad ip or bad tcp, not '%s'", what);
	} else if (!strcmp(word, "urg")) {
		s->urgent =
			(uint16_t)wire_number(p, "urgent pointer", 0, 65535);
		s->flags |= WIRE_URG;
	} else if (!strcmp(word, "ipopt")) {
		s->ip_options = (uint8_t)wire_number(p, "bytes", 4, 40);
		if (s->ip_options % 4)
			wire_bad(p, "IP options fill words of four bytes");
	} else if (!strcmp(word, "reserved")) {
		s->reserved = (uint8_t)wire_number(p, "bits", 1, 15);
	} else if (!strcmp(word, "mf")) {
		s->more_fragments = true;
	} else if (!strcmp(word, "fragment")) {
		s->fragment =
			(uint16_t)wire_number(p, "fragment offset", 0, 8191);
	} else if (!strcmp(word, "option")) {
		parse_option(p, s);
	} else {
		return false;
	}
	return true;
}

static void parse_field(struct wire_parser *p, struct wire_spec *s,
			const char *word)
{
	const int64_t far = INT64_C(1) << 40;
	int64_t a, b;

	if (!strcmp(word, "seq")) {
		s->has |= WIRE_HAS_SEQ;
		if (wire_range(p, "sequence number", -far, far, &s->seq,
			       &s->end))
			s->has |= WIRE_HAS_END;
	} else if (!strcmp(word, "len")) {
		s->has |= WIRE_HAS_LEN;
		wire_range(p, "length", 0, 1460, &a, &b);
		s->len = (uint32_t)a;
		s->len_max = (uint32_t)b;
	} else if (!strcmp(word, "ack")) {
		s->has |= WIRE_HAS_ACK;
		s->ack = wire_number(p, "acknowledgement", -far, far);
	} else if (!strcmp(word, "wnd")) {
		s->has |= WIRE_HAS_WND;
		s->wnd = (uint32_t)wire_number(p, "window", 0, 1 << 30);
	} else if (!strcmp(word, "val")) {
		s->has |= WIRE_HAS_VAL;
		s->val = (uint32_t)wire_number(p, "timestamp", 0, UINT32_MAX);
	} else if (!strcmp(word, "ecr")) {
		s->has |= WIRE_HAS_ECR;
		s->ecr = (uint32_t)wire_number(p, "timestamp echo", 0,
					       UINT32_MAX);
	} else if (!strcmp(word, "ts")) {
		s->has |= WIRE_HAS_TS;
		s->ts = !strcmp(wire_next(p, "on or off"), "on");
	} else if (!strcmp(word, "flags")) {
		s->has |= WIRE_HAS_FLAGS;
		s->flags |= parse_flags(p, wire_next(p, "flags"));
	} else if (!strcmp(word, "times")) {
		wire_range(p, "count", 0, 100000, &a, &b);
		s->times_min = (uint32_t)a;
		s->times_max = (uint32_t)b;
	} else if (p->l->verb != WIRE_SEND || !parse_sent_field(p, s, word)) {
		wire_bad(p, "unknown word '%s'", word);
	}
}

static void parse_segment(struct wire_parser *p)
{
	struct wire_spec *s = &p->l->spec;

	s->times_min = s->times_max = 1;
	while (!p->bad && wire_peek(p))
		parse_field(p, s, wire_next(p, ""));
	if (!(s->has & WIRE_HAS_FLAGS))
		s->flags |= WIRE_ACK;
	if (s->len != s->len_max && p->l->verb == WIRE_SEND)
		wire_bad(p, "the peer sends one length");
	if (p->bad || !(s->has & WIRE_HAS_END))
		return;
	if (p->l->verb == WIRE_SEND || !s->len || s->len != s->len_max ||
	    (s->end - s->seq) % s->len)
		wire_bad(p, "seq a..b wants > and a len that divides b - a");
	else if (s->times_max != 1)
		wire_bad(p, "seq a..b says how many");
	else
		s->times_min = s->times_max =
			(uint32_t)((s->end - s->seq) / s->len);
}

static void parse_install(struct wire_parser *p)
{
	struct wire_install *o = &p->l->install;
	static const struct {
		const char *name;
		size_t at;
		int64_t min, max;
	} names[] = {
#define FIELD(name, min, max) \
	{ #name, offsetof(struct wire_install, name), min, max }
		FIELD(mss, 64, 1460),	   FIELD(wnd, 0, 1 << 30),
		FIELD(wscale, 0, 14),	   FIELD(rscale, 0, 14),
		FIELD(iss, 0, UINT32_MAX), FIELD(irs, 0, UINT32_MAX),
		FIELD(credit, 0, 1 << 30), FIELD(id, 0, 255),
		FIELD(lag, 0, UINT32_MAX),
#undef FIELD
	};
	const char *word;
	unsigned int i;

	*o = (struct wire_install){
		.mss = 1000,
		.wnd = 65535,
		.iss = 0x1000,
		.irs = 0x70000000,
		.credit = 65535,
		.id = p->l->conn,
		.lag = 65536,
	};
	while (!p->bad && wire_peek(p)) {
		word = wire_next(p, "");
		if (!strcmp(word, "ts")) {
			o->ts = !strcmp(wire_next(p, "on or off"), "on");
			continue;
		}
		if (!strcmp(word, "keep")) {
			o->keep = true;
			continue;
		}
		if (!strcmp(word, "giveup")) {
			o->giveup_ms =
				(uint32_t)(wire_duration(p, word) / 1000);
			continue;
		}
		if (!strcmp(word, "srtt")) {
			o->srtt_us = (uint32_t)wire_duration(p, word);
			continue;
		}
		if (!strcmp(word, "keepalive")) {
			o->keepalive_s =
				(uint32_t)(wire_duration(p, word) / 1000000);
			continue;
		}
		for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (!strcmp(word, names[i].name))
				break;
		if (i == sizeof(names) / sizeof(names[0])) {
			wire_bad(p, "unknown word '%s'", word);
			return;
		}
		*(uint32_t *)((char *)o + names[i].at) = (uint32_t)wire_number(
			p, word, names[i].min, names[i].max);
	}
	if (o->wnd >> o->wscale > 65535 || o->wnd & ((1u << o->wscale) - 1))
		wire_bad(p, "wnd %u does not fit a scale of %u", o->wnd,
			 o->wscale);
}

static void parse_register(struct wire_parser *p)
{
	const char *name = wire_next(p, "a name");
	const bool count = p->l->verb == WIRE_COUNT;
	char full[64], qp[64];
	size_t i;

	snprintf(full, sizeof(full), count ? "CNT_%s_LO" : "%s", name);
	snprintf(qp, sizeof(qp), "QPCNT_%s_LO", name);
	for (i = 0;
	     i < sizeof(fantail_reg_table) / sizeof(fantail_reg_table[0]);
	     i++) {
		const struct fantail_reg_row *r = &fantail_reg_table[i];

		if (strcmp(r->name, full) && (!count || strcmp(r->name, qp)))
			continue;
		p->l->offset = r->offset;
		p->l->page = r->page == FANTAIL_PAGE_QP;
		return;
	}
	wire_bad(p, "unknown %s '%s'", count ? "counter" : "register", name);
}

static void parse_update(struct wire_parser *p)
{
	const char *name = wire_next(p, "a field");

	if (!strcmp(name, "credit"))
		p->l->offset = FANTAIL_UPDATE_CREDIT;
	else if (!strcmp(name, "mss"))
		p->l->offset = FANTAIL_UPDATE_MSS;
	else if (!strcmp(name, "lag"))
		p->l->offset = FANTAIL_UPDATE_LAG_LIMIT;
	else
		wire_bad(p, "update credit, mss or lag, not '%s'", name);
	p->l->value[0] = (uint64_t)wire_number(p, "a value", 0, UINT32_MAX);
}

static void parse_query(struct wire_parser *p)
{
	const char *name;
	unsigned int i;

	while (!p->bad && wire_peek(p)) {
		name = wire_next(p, "");
		for (i = 0; i < 4; i++)
			if (!strcmp(name, wire_query_names[i]))
				break;
		if (i == 4) {
			wire_bad(p, "unknown word '%s'", name);
			return;
		}
		p->l->queried |= 1u << i;
		p->l->value[i] = (uint64_t)wire_number(p, name, 0, UINT32_MAX);
	}
}

static void parse_event(struct wire_parser *p)
{
	const char *name;
	unsigned int i;

	do {
		name = wire_next(p, "an event");
		for (i = 0; !p->bad && i < 16; i++)
			if (wire_event_names[i] &&
			    !strcmp(name, wire_event_names[i]))
				break;
		if (i == 16)
			wire_bad(p, "unknown event '%s'", name);
		p->l->value[0] |= UINT64_C(1) << i;
	} while (!p->bad && wire_peek(p));
}

static void parse_numbers(struct wire_parser *p)
{
	do {
		if (p->l->verb == WIRE_PUBLISH && wire_take(p, "open")) {
			p->l->open = true;
			continue;
		}
		if (p->l->values == WIRE_VALUES) {
			wire_bad(p, "more than %u numbers", WIRE_VALUES);
			return;
		}
		p->l->value[p->l->values++] =
			(uint64_t)wire_number(p, "a number", 1, 4000000);
	} while (!p->bad && wire_peek(p));
}

static void parse_rest(struct wire_parser *p)
{
	int64_t a, b;

	switch (p->l->verb) {
	case WIRE_SEND:
	case WIRE_EXPECT:
	case WIRE_MAYBE:
		parse_segment(p);
		break;
	case WIRE_INSTALL:
		parse_install(p);
		break;
	case WIRE_PUBLISH:
	case WIRE_DATA:
	case WIRE_DRAIN:
		parse_numbers(p);
		break;
	case WIRE_COUNT:
		parse_register(p);
		wire_range(p, "a count", 0, INT64_C(1) << 40, &a, &b);
		p->l->value[0] = (uint64_t)a;
		p->l->value[1] = (uint64_t)b;
		break;
	case WIRE_SET:
		parse_register(p);
		p->l->value[0] =
			(uint64_t)wire_number(p, "a value", 0, UINT32_MAX);
		break;
	case WIRE_UPDATE:
		parse_update(p);
		break;
	case WIRE_QUERY:
		parse_query(p);
		break;
	case WIRE_CLOCK:
		p->l->value[0] =
			(uint64_t)wire_number(p, "nanoseconds", 1, 1000);
		if (p->l != p->s->line)
			wire_bad(p, "the clock is the first line's");
		break;
	case WIRE_EVENT:
		parse_event(p);
		break;
	default:
		break;
	}
	if (wire_peek(p))
		wire_bad(p, "'%s' is too much", wire_peek(p));
}

static bool waits(enum wire_verb verb)
{
	return verb == WIRE_EXPECT || verb == WIRE_MAYBE ||
	       verb == WIRE_EVENT || verb == WIRE_DATA || verb == WIRE_FRAME ||
	       verb == WIRE_DRAIN;
}

static void parse_line(struct wire_parser *p, unsigned int installed)
{
	const unsigned int verbs = sizeof(wire_verbs) / sizeof(wire_verbs[0]);
	const char *word;
	unsigned int i;

	parse_when(p);
	if (wire_peek(p) && *wire_peek(p) == '@') {
		word = wire_next(p, "");
		if (word[1] < 'a' || word[1] > 'z' || word[2])
			wire_bad(p, "connections are @a to @z");
		else
			p->l->conn = (uint8_t)(word[1] - 'a');
	}
	if (p->bad)
		return;
	word = wire_next(p, "a verb");
	for (i = 0; !p->bad && i < verbs; i++)
		if (!strcmp(word, wire_verbs[i]))
			break;
	if (i == verbs)
		wire_bad(p, "unknown verb '%s'", word);
	p->l->verb = (enum wire_verb)i;
	if (p->bad)
		return;
	if (p->l->when.window && !waits(p->l->verb))
		wire_bad(p, "'%s' happens at one time, not in a window", word);
	else if (p->l->verb > WIRE_INSTALL && p->l->verb != WIRE_SET &&
		 !(installed & 1u << p->l->conn))
		wire_bad(p, "@%c is not installed", 'a' + p->l->conn);
	else
		parse_rest(p);
}

bool wire_parse(struct wire_script *s, const char *path, const char *text,
		FILE *out)
{
	struct wire_parser p = { .s = s, .out = out };
	const size_t size = strlen(text) + 1;
	unsigned int number = 0, installed = 0;
	char *at, *end, *words, *hash;
	bool good = true;

	memset(s, 0, sizeof(*s));
	s->path = path;
	/* twice: lines as written, and cut into words */
	s->text = malloc(2 * size);
	s->line = calloc(WIRE_LINES, sizeof(*s->line));
	if (!s->text || !s->line) {
		fprintf(out, "%s: no memory\n", path);
		return false;
	}
	at = memcpy(s->text, text, size);
	words = memcpy(s->text + size, text, size);
	while (at) {
		size_t skip = (size_t)(at - s->text);
		char *w = words + skip, *save = NULL, *token;

		number++;
		end = strchr(at, '\n');
		if (end) {
			*end = 0;
			words[end - s->text] = 0;
		}
		hash = strchr(at, '#');
		if (hash) {
			*hash = 0;
			words[hash - s->text] = 0;
		}
		p.l = &s->line[s->lines];
		p.l->number = number;
		p.l->text = at;
		p.tokens = p.at = 0;
		p.bad = false;
		for (token = strtok_r(w, " \t\r", &save); token && !p.bad;
		     token = strtok_r(NULL, " \t\r", &save)) {
			if (p.tokens == WIRE_TOKENS)
				wire_bad(&p, "too long");
			else
				p.token[p.tokens++] = token;
		}
		at = end ? end + 1 : NULL;
		if (!p.tokens)
			continue;
		parse_line(&p, installed);
		good &= !p.bad;
		if (p.l->verb == WIRE_INSTALL)
			installed |= 1u << p.l->conn;
		if (++s->lines == WIRE_LINES) {
			wire_bad(&p, "more than %u lines", WIRE_LINES - 1);
			return false;
		}
	}
	if (!s->lines) {
		fprintf(out, "%s: no line\n", path);
		return false;
	}
	return good;
}

void wire_script_free(struct wire_script *s)
{
	free(s->text);
	free(s->line);
	memset(s, 0, sizeof(*s));
}
