/* SPDX-License-Identifier: Apache-2.0 */
/* Targets. Membership entries go on DATA, in order with what is published. */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>

int fantail_group_create(struct fantail *f, struct fantail_group **out)
{
	uint32_t limit = fantail_dev_limits(f->dev)->groups;
	struct fantail_group *g;
	uint32_t n = 0;

	while (n < limit && f->group_used[n / 64] >> (n % 64) & 1)
		n++;
	if (n == limit)
		return -ENOSPC;
	g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	f->group_used[n / 64] |= 1ull << (n % 64);
	g->f = f;
	g->number = n;
	g->next = f->groups;
	f->groups = g;
	*out = g;
	return 0;
}

int fantail_group_destroy(struct fantail_group *g)
{
	struct fantail_group **at;
	struct fantail *f;

	if (!g)
		return 0;
	if (g->members)
		return -EBUSY;
	f = g->f;
	at = &f->groups;
	while (*at != g)
		at = &(*at)->next;
	*at = g->next;
	f->group_used[g->number / 64] &= ~(1ull << (g->number % 64));
	free(g);
	return 0;
}

void groups_free(struct fantail *f)
{
	struct fantail_group *g = f->groups, *next;

	f->groups = NULL;
	for (; g; g = next) {
		next = g->next;
		free(g);
	}
}

static bool is_member(const struct fantail_conn *c, uint32_t number)
{
	return c->groups[number / 64] >> (number % 64) & 1;
}

static int put_entry(struct fantail_conn *c, uint8_t op, uint32_t number)
{
	struct fantail_entry *e = data_get(c->f);

	if (!e)
		return -EAGAIN;
	e->op = op;
	e->target = c->handle;
	e->arg0 = number;
	c->groups[number / 64] ^= 1ull << (number % 64);
	if (op == FANTAIL_OP_GROUP_JOIN)
		c->members++;
	else
		c->members--;
	lag_member(c->f, c, number, op == FANTAIL_OP_GROUP_JOIN);
	return 0;
}

int fantail_group_join(struct fantail_group *g, struct fantail_conn *c)
{
	int rc;

	if (c->state != CONN_OPEN || c->gone)
		return -ENOTCONN;
	if (is_member(c, g->number))
		return 0;
	rc = put_entry(c, FANTAIL_OP_GROUP_JOIN, g->number);
	if (!rc)
		g->members++;
	return rc;
}

int fantail_group_leave(struct fantail_group *g, struct fantail_conn *c)
{
	int rc;

	if (!is_member(c, g->number))
		return 0;
	rc = put_entry(c, FANTAIL_OP_GROUP_LEAVE, g->number);
	if (!rc)
		g->members--;
	return rc;
}

unsigned int fantail_group_members(const struct fantail_group *g)
{
	return g->members;
}

int group_leave_any(struct fantail_conn *c)
{
	struct fantail_group *g;

	for (g = c->f->groups; g; g = g->next)
		if (is_member(c, g->number))
			return fantail_group_leave(g, c);
	return 0;
}

struct fantail_target fantail_to_group(const struct fantail_group *g)
{
	return (struct fantail_target){
		.id = g->number,
		.flags = FANTAIL_FLAG_GROUP,
	};
}

struct fantail_target fantail_to_list(const uint32_t *handles, unsigned int n)
{
	return (struct fantail_target){
		.flags = FANTAIL_FLAG_LIST,
		.count = n,
		.handles = handles,
	};
}

struct fantail_target fantail_to_conn(const struct fantail_conn *c)
{
	return (struct fantail_target){ .id = c->handle };
}
