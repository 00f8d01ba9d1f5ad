/* SPDX-License-Identifier: Apache-2.0 */
/* Executes a script: times, expectations, what is told when one fails. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

enum {
	LATE_US = 200, /* a single time: as much later is all right ... */
	EARLY_US = 20, /* ... and as much earlier */
};

/* -------------------------------------------------------------- left over */
static unsigned int first_seen(const struct wire *w, int conn)
{
	unsigned int i;

	for (i = 0; i < w->seen_count; i++)
		if (conn < 0 || w->seen[i]->conn == conn ||
		    w->seen[i]->conn < 0)
			break;
	return i;
}

static void take_seen(struct wire *w, unsigned int i)
{
	free(w->seen[i]);
	memmove(w->seen + i, w->seen + i + 1,
		(--w->seen_count - i) * sizeof(struct wire_segment *));
}

static bool nothing_left(struct wire *w)
{
	const struct wire_segment *s;
	char text[120];

	if (!w->seen_count)
		return true;
	s = w->seen[0];
	wire_format(w, s, text, sizeof(text));
	return wire_fail(w,
			 "expected: no segment before this line\n"
			 "    seen:     at %.3f ms %s",
			 ((double)s->now_us - (double)w->zero_us) / 1000, text);
}

static bool no_news(struct wire *w)
{
	unsigned int i, k;

	if (w->frames)
		return wire_fail(w, "%u frames went to the host", w->frames);
	for (i = 0; i < WIRE_CONNS; i++) {
		const struct wire_conn *c = &w->conn[i];

		for (k = 0; k < 16; k++)
			if (c->events & 1u << k)
				return wire_fail(
					w, "@%c has event %s, named nowhere",
					'a' + i,
					wire_event_names[k]
						? wire_event_names[k]
						: "?");
		if (c->data)
			return wire_fail(w,
					 "@%c: the application got %llu bytes, "
					 "named nowhere",
					 'a' + i, (unsigned long long)c->data);
	}
	return true;
}

/* ------------------------------------------------------------------- time */
static uint64_t begin_of(const struct wire *w, const struct wire_when *t)
{
	return (t->relative ? w->base_us : w->zero_us) + t->from_us;
}

static bool run_until(struct wire *w, uint64_t until_us)
{
	if (wire_now(w) > until_us)
		return wire_fail(w, "it is %llu us later already",
				 (unsigned long long)(wire_now(w) - until_us));
	while (wire_now(w) < until_us)
		if (!wire_step(w, until_us))
			return false;
	return true;
}

/* Let time come to that of an acting line; nothing may be left over. */
static bool reach(struct wire *w, const struct wire_line *l)
{
	const uint64_t at = begin_of(w, &l->when);

	if (!run_until(w, at))
		return false;
	w->base_us = at;
	return nothing_left(w);
}

struct window {
	uint64_t from_us, to_us;
};

static struct window window_of(const struct wire *w, const struct wire_line *l)
{
	struct window v;

	v.from_us = begin_of(w, &l->when);
	v.to_us = v.from_us + (l->when.to_us - l->when.from_us);
	if (!l->when.window) {
		v.to_us += LATE_US;
		if (l->when.from_us > EARLY_US)
			v.from_us -= EARLY_US;
	}
	return v;
}

/* ----------------------------------------------------------- expectations */
static bool wrong_payload(const struct wire *w, const struct wire_segment *s,
			  char *why, size_t size)
{
	const struct wire_conn *c = &w->conn[s->conn];
	const int32_t at = (int32_t)(s->seq - c->iss);
	uint32_t i;

	/* RFC 9293 3.8.4: a keepalive may carry an old byte of any value */
	if (!s->len || at < 0)
		return false;
	if ((uint32_t)at + s->len > c->published) {
		snprintf(why, size, "carries bytes that were never published");
		return true;
	}
	for (i = 0; i < s->len; i++)
		if (s->bytes[i] !=
		    wire_byte(false, (unsigned int)s->conn, (uint64_t)at + i))
			break;
	snprintf(why, size, "byte %u is not what was published there",
		 (uint32_t)at + i);
	return i < s->len;
}

/* What is wrong with it as the @nth segment of the line; NULL: nothing. */
static const char *mismatch(const struct wire *w, const struct wire_line *l,
			    const struct wire_segment *s, uint32_t nth,
			    char *why, size_t size)
{
	const struct wire_spec *x = &l->spec;
	const struct wire_conn *c = &w->conn[l->conn];
	const uint32_t seq = c->iss + (uint32_t)x->seq +
			     (x->has & WIRE_HAS_END ? nth * x->len : 0);
	uint8_t flags = s->flags;
	char have[9], want[9];

	if (s->conn != l->conn) {
		snprintf(why, size, "is of no connection of the script");
		return why;
	}
	/* who names flags means PSH, too */
	if (!(x->has & WIRE_HAS_FLAGS))
		flags &= (uint8_t)~WIRE_PSH;
	wire_format_flags(flags, have);
	wire_format_flags(x->flags, want);
	if (flags != x->flags)
		snprintf(why, size, "flags are %s, not %s", have, want);
	else if (x->has & WIRE_HAS_SEQ && s->seq != seq)
		snprintf(why, size, "seq is %d, not %d",
			 (int32_t)(s->seq - c->iss), (int32_t)(seq - c->iss));
	else if (s->len < x->len || s->len > x->len_max)
		snprintf(why, size, "len is %u, not %u", s->len, x->len);
	else if (x->has & WIRE_HAS_ACK && s->ack != c->irs + (uint32_t)x->ack)
		snprintf(why, size, "ack is %d, not %d",
			 (int32_t)(s->ack - c->irs), (int32_t)x->ack);
	else if (x->has & WIRE_HAS_WND &&
		 (uint32_t)s->wnd << c->opt.rscale != x->wnd)
		snprintf(why, size, "wnd is %u, not %u",
			 (uint32_t)s->wnd << c->opt.rscale, x->wnd);
	else if (x->has & WIRE_HAS_TS && s->has_ts != x->ts)
		snprintf(why, size, "timestamps are %s",
			 s->has_ts ? "there" : "missing");
	else if (x->has & WIRE_HAS_VAL && (!s->has_ts || s->val != x->val))
		snprintf(why, size, "val is %u, not %u", s->val, x->val);
	else if (x->has & WIRE_HAS_ECR && (!s->has_ts || s->ecr != x->ecr))
		snprintf(why, size, "ecr is %u, not %u", s->ecr, x->ecr);
	else if (!wrong_payload(w, s, why, size))
		return NULL;
	return why;
}

static bool not_seen(struct wire *w, const struct window *v, uint32_t got)
{
	return wire_fail(w,
			 "expected: %.3f to %.3f ms\n"
			 "    seen:     %s until %.3f ms (%u before)",
			 ((double)v->from_us - (double)w->zero_us) / 1000,
			 ((double)v->to_us - (double)w->zero_us) / 1000,
			 "no segment",
			 (double)(wire_now(w) - w->zero_us) / 1000, got);
}

static bool expect(struct wire *w, const struct wire_line *l)
{
	const struct window v = window_of(w, l);
	const struct wire_spec *x = &l->spec;
	uint32_t least = l->verb == WIRE_MAYBE ? 0 : x->times_min;
	uint32_t got = 0;
	const char *wrong;
	char text[120], why[120];
	unsigned int i;

	while (got < x->times_max) {
		const struct wire_segment *s;

		i = first_seen(w, l->conn);
		if (i == w->seen_count) {
			if (wire_now(w) < v.to_us) {
				if (!wire_step(w, v.to_us))
					return false;
				continue;
			}
			if (got < least)
				return not_seen(w, &v, got);
			w->base_us = v.to_us;
			return true;
		}
		s = w->seen[i];
		wrong = mismatch(w, l, s, got, why, sizeof(why));
		if (!wrong && s->now_us < v.from_us)
			wrong = "is too early";
		else if (!wrong && s->now_us > v.to_us)
			wrong = "is too late";
		if (wrong && got >= least)
			return true;
		if (wrong) {
			wire_format(w, s, text, sizeof(text));
			return wire_fail(
				w,
				"expected: %.3f to %.3f ms\n"
				"    seen:     %.3f ms %s\n"
				"    wrong:    %s",
				((double)v.from_us - (double)w->zero_us) / 1000,
				((double)v.to_us - (double)w->zero_us) / 1000,
				((double)s->now_us - (double)w->zero_us) / 1000,
				text, wrong);
		}
		w->base_us = s->now_us;
		take_seen(w, i);
		got++;
	}
	return true;
}

/* Wait for news of records; @have counts or holds them. */
static bool expect_news(struct wire *w, const struct wire_line *l)
{
	struct wire_conn *c = &w->conn[l->conn];
	const struct window v = window_of(w, l);
	const uint16_t events = (uint16_t)l->value[0];

	for (;;) {
		if (l->verb == WIRE_EVENT && (c->events & events) == events)
			break;
		if (l->verb == WIRE_DATA && c->data >= l->value[0])
			break;
		if (l->verb == WIRE_FRAME && w->frames)
			break;
		if (wire_now(w) >= v.to_us)
			return wire_fail(w, "not until %.3f ms",
					 (double)(v.to_us - w->zero_us) / 1000);
		if (!wire_step(w, v.to_us))
			return false;
	}
	if (wire_now(w) < v.from_us)
		return wire_fail(w, "at %.3f ms already",
				 (double)(wire_now(w) - w->zero_us) / 1000);
	if (l->verb == WIRE_EVENT)
		c->events &= (uint16_t)~events;
	else if (l->verb == WIRE_DATA)
		c->data -= l->value[0];
	else
		w->frames--;
	w->base_us = wire_now(w);
	return true;
}

/* ----------------------------------------------------------------- actions */
static bool send_segment(struct wire *w, const struct wire_line *l)
{
	struct wire_conn *c = &w->conn[l->conn];
	uint8_t frame[FANTAIL_NET_FRAME_MAX];
	struct wire_spec s = l->spec;
	char flags[9], ts[40] = "";
	size_t len;

	if (!(s.has & WIRE_HAS_SEQ))
		s.seq = c->seq;
	if (!(s.has & WIRE_HAS_ACK))
		s.ack = c->ack;
	if (!(s.has & WIRE_HAS_WND))
		s.wnd = c->wnd;
	if (!(s.has & WIRE_HAS_TS))
		s.ts = c->opt.ts;
	if (!(s.has & WIRE_HAS_VAL))
		s.val = 1000 + (uint32_t)((w->base_us - w->zero_us) / 1000);
	if (!(s.has & WIRE_HAS_ECR))
		s.ecr = c->last_val;
	if (s.wnd >> c->opt.wscale > 65535 ||
	    s.wnd & ((1u << c->opt.wscale) - 1))
		return wire_fail(w, "wnd %u does not fit with a scale of %u",
				 s.wnd, c->opt.wscale);
	/* what is not mentioned stays as it was */
	c->ack = s.ack;
	c->wnd = s.wnd;
	if (!(s.has & WIRE_HAS_SEQ))
		c->seq += s.len + !!(s.flags & WIRE_FIN);
	wire_format_flags(s.flags, flags);
	if (s.ts)
		snprintf(ts, sizeof(ts), " val %u ecr %u", s.val, s.ecr);
	wire_note(w, w->base_us, '<',
		  "@%c < seq %lld len %u ack %lld flags %s wnd %u%s",
		  'a' + l->conn, (long long)s.seq, s.len, (long long)s.ack,
		  flags, s.wnd, ts);
	len = wire_build(w, c, &s, frame);
	return wire_inject(w, frame, len);
}

/* The peer takes and acknowledges all until it has so many bytes. */
static bool drain(struct wire *w, const struct wire_line *l)
{
	struct wire_conn *c = &w->conn[l->conn];
	const struct window v = window_of(w, l);
	struct wire_line ack = *l;
	char text[120], why[120];
	unsigned int i;

	memset(&ack.spec, 0, sizeof(ack.spec));
	ack.spec.has = WIRE_HAS_ACK | WIRE_HAS_FLAGS;
	ack.spec.flags = WIRE_ACK;
	while ((uint64_t)c->ack < l->value[0]) {
		const struct wire_segment *s;

		i = first_seen(w, l->conn);
		if (i == w->seen_count) {
			if (wire_now(w) >= v.to_us)
				return not_seen(w, &v, (uint32_t)c->ack);
			if (!wire_step(w, v.to_us))
				return false;
			continue;
		}
		s = w->seen[i];
		if (s->conn != l->conn || !s->len ||
		    s->seq != c->iss + (uint32_t)c->ack ||
		    wrong_payload(w, s, why, sizeof(why))) {
			wire_format(w, s, text, sizeof(text));
			return wire_fail(w,
					 "expected: the byte %lld\n"
					 "    seen:     %s",
					 (long long)c->ack, text);
		}
		ack.spec.ack = c->ack + s->len;
		w->base_us = s->now_us;
		take_seen(w, i);
		w->base_us = wire_now(w);
		if (!send_segment(w, &ack))
			return false;
	}
	return true;
}

static bool judge_count(struct wire *w, const struct wire_line *l)
{
	uint64_t n = 0;

	if (!wire_read_count(w, l, &n))
		return false;
	n -= w->count_base[l - w->script->line];
	if (n < l->value[0] || n > l->value[1])
		return wire_fail(w, "it is %llu", (unsigned long long)n);
	return true;
}

static bool judge_query(struct wire *w, const struct wire_line *l)
{
	const struct fantail_rec_conn *r = &w->conn[l->conn].last;
	uint32_t have[4];
	unsigned int i;

	if (!wire_do_command(w, l))
		return false;
	have[0] = r->acked;
	have[1] = r->queued;
	have[2] = r->retransmits;
	have[3] = r->skipped;
	for (i = 0; i < 4; i++)
		if (l->queried & 1u << i && have[i] != l->value[i])
			return wire_fail(w, "%s is %u", wire_query_names[i],
					 have[i]);
	return true;
}

/* Counters are told from the first install on. */
static bool read_counts(struct wire *w)
{
	const struct wire_script *s = w->script;
	unsigned int i;

	if (w->count_base)
		return true;
	w->count_base = calloc(s->lines, sizeof(*w->count_base));
	if (!w->count_base)
		abort();
	for (i = 0; i < s->lines; i++)
		if (s->line[i].verb == WIRE_COUNT &&
		    !wire_read_count(w, &s->line[i], &w->count_base[i]))
			return false;
	return true;
}

static bool act(struct wire *w, const struct wire_line *l)
{
	bool good;

	if (!w->zero_us && l->verb != WIRE_INSTALL)
		w->base_us = wire_now(w);
	else if (w->zero_us && !reach(w, l))
		return false;
	if (l->verb == WIRE_SEND) {
		uint32_t i;

		for (i = 0; i < l->spec.times_min; i++)
			if (!send_segment(w, l))
				return false;
		return true;
	}
	if (l->verb == WIRE_QUIET)
		return no_news(w);
	wire_note(w, w->base_us, ' ', "%s", l->text);
	switch (l->verb) {
	case WIRE_INSTALL:
		if (!wire_do_install(w, l))
			return false;
		w->base_us = wire_now(w);
		return read_counts(w);
	case WIRE_PUBLISH:
		return wire_do_publish(w, l);
	case WIRE_COUNT:
		good = judge_count(w, l);
		break;
	case WIRE_QUERY:
		good = judge_query(w, l);
		break;
	case WIRE_RETURN:
		return wire_do_return(w);
	default:
		return wire_do_command(w, l);
	}
	/* asking takes time */
	w->base_us = wire_now(w);
	return good;
}

static bool execute(struct wire *w, const struct wire_line *l)
{
	switch (l->verb) {
	case WIRE_EXPECT:
	case WIRE_MAYBE:
		return expect(w, l);
	case WIRE_EVENT:
	case WIRE_DATA:
	case WIRE_FRAME:
		return expect_news(w, l);
	case WIRE_DRAIN:
		return drain(w, l);
	case WIRE_CLOCK:
		return true; /* wire_open() has seen to it */
	default:
		return act(w, l);
	}
}

static bool run_lines(struct wire *w)
{
	char why[300];
	unsigned int i;

	if (!wire_open(w))
		return false;
	for (i = 0; i < w->script->lines; i++) {
		w->now = &w->script->line[i];
		if (!execute(w, w->now))
			return false;
	}
	/* what comes at once belongs to the last line */
	if (!run_until(w, wire_now(w) + LATE_US) || !nothing_left(w) ||
	    !no_news(w))
		return false;
	w->now = NULL;
	if (fantail_sim_check(w->sim, why, sizeof(why)))
		return wire_fail(w, "%s", why);
	return true;
}

enum wire_result wire_run_text(const char *path, const char *text, bool ladder,
			       FILE *out)
{
	struct wire_script script;
	struct wire *w = calloc(1, sizeof(*w));
	enum wire_result result = WIRE_SCRIPT;
	char why[300];

	if (!w)
		abort();
	w->script = &script;
	w->out = out;
	if (wire_parse(&script, path, text, out)) {
		result = run_lines(w) ? WIRE_PASS : WIRE_FAIL;
		/* an earlier offence on the wire may be the reason */
		if (result == WIRE_FAIL && w->sim &&
		    fantail_sim_check(w->sim, why, sizeof(why)) && w->now)
			fprintf(out, "    also:     %s\n", why);
		if (result == WIRE_FAIL || ladder)
			wire_ladder(w, out);
		w->now = NULL;
		wire_close(w);
	}
	wire_script_free(&script);
	free(w);
	return result;
}

enum wire_result wire_run_file(const char *path, bool ladder, FILE *out)
{
	enum wire_result result = WIRE_SCRIPT;
	FILE *file = fopen(path, "r");
	char *text = calloc(1, 1 << 20);
	size_t n = 0;

	if (file && text)
		n = fread(text, 1, (1 << 20) - 1, file);
	if (!n)
		fprintf(out, "%s: %s\n", path,
			file ? "nothing to read" : strerror(errno));
	else
		result = wire_run_text(path, text, ladder, out);
	if (file)
		fclose(file);
	free(text);
	return result;
}
