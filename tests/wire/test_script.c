/* SPDX-License-Identifier: Apache-2.0 */
/* The interpreter itself: what it must not let pass, and what it says then. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

/* Run @text; it says @where and @why, and shows the exchange if it failed. */
static void check(const char *text, enum wire_result want, const char *where,
		  const char *why)
{
	char *said = NULL;
	size_t size;
	FILE *out = open_memstream(&said, &size);
	enum wire_result result;

	cr_assert(out);
	result = wire_run_text("x.wire", text, false, out);
	fclose(out);
	cr_assert_eq(result, want, "%s\n---\n%s", text, said);
	cr_assert(!where || strstr(said, where), "no '%s' in:\n%s", where,
		  said);
	cr_assert(!why || strstr(said, why), "no '%s' in:\n%s", why, said);
	cr_assert_eq(!!strstr(said, "engine > peer"), want == WIRE_FAIL);
	free(said);
}

static void refused(const char *text, const char *where, const char *why)
{
	check(text, WIRE_SCRIPT, where, why);
}

static void fails(const char *text, const char *where, const char *why)
{
	check(text, WIRE_FAIL, where, why);
}

Test(script, errors_name_their_line)
{
	refused("", "x.wire:", "no line");
	refused("\n# nothing\n", "x.wire:", "no line");
	refused("0 install\n\n+0 sing\n", "x.wire:3:", "unknown verb 'sing'");
	refused("0 publish 100\n", "x.wire:1:", "@a is not installed");
	refused("0 install\n+0 @b close\n", "x.wire:2:", "@b is not");
	refused("0 @B install\n", "x.wire:1:", "@a to @z");
	refused("0 install\n+5 close\n", "x.wire:2:", "'5' is not a time");
	refused("0 install\n-1ms close\n", "x.wire:2:", "is not a time");
	refused("0 install\n+2ms..1ms > ack 0\n",
		"x.wire:2:", "ends before it begins");
	refused("0 install\n0..1ms close\n", "x.wire:2:", "at one time");
	refused("0 install\n+0 > seq\n", "x.wire:2:", "is missing");
	refused("0 install\n+0 > seq x\n", "x.wire:2:", "not a number");
	refused("0 install\n+0 > seq 1x\n", "x.wire:2:", "not a number");
	refused("0 install\n+0 > len 2000\n", "x.wire:2:", "not in 0..1460");
	refused("0 install\n+0 > flags X\n", "x.wire:2:", "are no flags");
	refused("0 install\n+0 > seq 0..1500 len 1000\n",
		"x.wire:2:", "divides");
	refused("0 install\n+0 > urg 1\n", "x.wire:2:", "unknown word 'urg'");
	refused("0 install\n+0 < option 0102\n", "x.wire:2:", "words of four");
	refused("0 install\n+0 < option 0\n", "x.wire:2:", "hexadecimal");
	refused("0 install size 3\n", "x.wire:1:", "unknown word 'size'");
	refused("0 install mss 5\n", "x.wire:1:", "not in 64..1460");
	refused("0 install wnd 70000\n", "x.wire:1:", "does not fit");
	refused("0 install wnd 7 wscale 1\n", "x.wire:1:", "does not fit");
	refused("0 install\n+0 count APPLES 3\n",
		"x.wire:2:", "unknown counter");
	refused("0 install\n+0 set APPLES 3\n",
		"x.wire:2:", "unknown register");
	refused("0 install\n+0 event APPLES\n", "x.wire:2:", "unknown event");
	refused("0 install\n+0 update apples 1\n", "x.wire:2:", "not 'apples'");
	refused("0 install\n+0 query apples 1\n", "x.wire:2:", "'apples'");
	refused("0 install\n+0 publish\n", "x.wire:2:", "missing");
	refused("0 install\n+0 publish 0\n", "x.wire:2:", "not in 1..");
	refused("0 install\n+0 close now\n", "x.wire:2:", "too much");
	refused("0 install\n+0\n", "x.wire:2:", "a verb is missing");
}

#define START "0 install mss 1000 wnd 20000\n+0 publish 1500\n"
#define ALL   START "+0 > seq 0 len 1000\n+0 > seq 1000 len 500\n"

Test(script, segments_are_compared)
{
	check(ALL, WIRE_PASS, NULL, NULL);
	fails(START "+0 > seq 1 len 1000\n", "x.wire:3:", "seq is 0, not 1");
	fails(START "+0 > seq 0 len 999\n", "x.wire:3:", "len is 1000");
	fails(START "+0 > seq 0 len 1000 ack 1\n", "x.wire:3:", "ack is 0");
	fails(START "+0 > seq 0 len 1000 flags PA\n",
	      "x.wire:3:", "flags are A, not PA");
	fails(START "+0 > seq 0 len 1000 flags F\n", "x.wire:3:", "not F");
	fails(START "+0 > seq 0 len 1000 wnd 1\n", "x.wire:3:", "wnd is");
	fails(START "+0 > seq 0 len 1000 ts on\n",
	      "x.wire:3:", "timestamps are missing");
	fails(START "+0 > seq 0 len 1000 ecr 1\n", "x.wire:3:", "ecr is");
	fails(START "+10ms > seq 0 len 1000\n", "x.wire:3:", "too early");
	fails(START "+0 > seq 0..3000 len 1000\n", "x.wire:3:", "len is 500");
}

Test(script, too_much_and_too_little_is_noticed)
{
	fails(START "+0 > seq 0 len 1000\n",
	      "x.wire:3:", "no segment before this line");
	fails(START "+1ms < ack 0\n", "x.wire:3:", "seq 0 len 1000");
	fails(START "+1ms quiet\n", "x.wire:3:", "no segment before");
	fails(ALL "+0..1ms > seq 1500 len 1\n", "x.wire:5:", "no segment");
	fails(ALL "+1s quiet\n+100ms quiet\n", "x.wire:", "seq 0 len 1000");
	fails(ALL "+0 count TX_SEGMENTS 3\n", "x.wire:5:", "it is 2");
	fails(ALL "+0 query acked 1\n", "x.wire:5:", "acked is 0");
	fails(ALL "+0..1ms event RESET\n", "x.wire:5:", "not until");
	fails(ALL "+0..1ms data 3\n", "x.wire:5:", "not until");
	fails(ALL "+0 < flags R\n+1ms quiet\n", "x.wire:6:", "event RESET");
	fails(ALL "+0 < len 3\n+0..600ms > ack 3\n+1ms quiet\n",
	      "x.wire:7:", "got 3 bytes");
	fails(ALL "+1s..2s >\n0 quiet\n", "x.wire:5:", "len is 1000, not 0");
	fails(ALL "0 quiet\n", "x.wire:5:", "later already");
	fails(ALL "+0..1ms drain 1500\n", "x.wire:5:", "no segment");
	fails("0 install\n+0 install\n", "x.wire:2:", "installed already");
}

Test(script, optional_segments)
{
	check(ALL "+0..1ms >? seq 0 len 1000\n", WIRE_PASS, NULL, NULL);
	check(START "+0 >? seq 0 len 1000\n+0 > seq 1000 len 500\n", WIRE_PASS,
	      NULL, NULL);
	check(START "+0 >? seq 5 len 1000\n+0 > seq 0 len 1000\n"
		    "+0 > seq 1000 len 500\n",
	      WIRE_PASS, NULL, NULL);
	check("0 install\n+0 publish 5000\n+0..1ms > len 1000 times 1..8\n",
	      WIRE_PASS, NULL, NULL);
	fails("0 install\n+0 publish 5000\n+0..1ms > len 1000 times 1..4\n",
	      "x.wire:", "seq 4000 len 1000");
	fails("0 install\n+0 publish 5000\n+0..1ms > len 1000 times 6..8\n",
	      "x.wire:3:", "no segment");
}

/* What the peer sends badly is no offence of the card. */
Test(script, the_peer_may_offend)
{
	check(ALL "+0 < bad tcp len 5\n+0 < bad ip\n+0 < mf len 8\n"
		  "+0 < fragment 3\n+10ms quiet\n"
		  "+0 count RX_DROP_CHECKSUM 2\n+0 count RX_DROP_FRAGMENT 2\n",
	      WIRE_PASS, NULL, NULL);
}

Test(script, several_connections)
{
	check("0 install mss 500\n+0 @c install mss 600 id 12\n"
	      "+0 @c publish 1200\n+0 publish 1000\n"
	      "+0..1ms > seq 0..1000 len 500\n+0 @c > seq 0..1200 len 600\n",
	      WIRE_PASS, NULL, NULL);
}
