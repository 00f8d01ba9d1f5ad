/* SPDX-License-Identifier: Apache-2.0 */
/* The MAC: frames between the engine's streams and network, pcap, checker. */
#include "card.h"

#include <errno.h>
#include <string.h>

#define ALL_BYTES  UINT64_MAX
#define WIRE_EXTRA 24 /* preamble, FCS and gap of a frame, bytes */
#define CREDIT_MAX (2 * DUT_BEAT)

/* Later frames are no longer news. */
static void look_at_limit(struct card *card)
{
	struct fantail_pcap_stats s;

	fantail_pcap_get_stats(card->pcap, &s);
	if (s.skipped == 1)
		card_log(card, FANTAIL_SIM_WARN,
			 "recording ends at its limit, after %llu frames",
			 (unsigned long long)s.frames);
}

static void record(struct card *card, const uint8_t *frame, unsigned int len)
{
	int rc;

	if (!card->pcap)
		return;
	rc = fantail_pcap_write(card->pcap, frame, len, card->now_us);
	if (!rc) {
		look_at_limit(card);
		return;
	}
	card_log(card, FANTAIL_SIM_ERROR, "recording ends: %s", strerror(-rc));
	fantail_pcap_close(card->pcap);
	card->pcap = NULL;
}

/* What was waited through belongs to the window once a beat has ended it. */
static void beat_in_window(struct card *card, unsigned int bytes)
{
	struct card_mac_tx *tx = &card->tx;
	struct fantail_sim_mac *w = &tx->window;

	if (!w->beats++) {
		w->first = card->dut.cycle;
		tx->skipped_us = card->stats.skipped_us;
	} else {
		w->starved += tx->starved;
		w->unused += tx->unused;
	}
	w->last = card->dut.cycle;
	w->skipped_us = card->stats.skipped_us - tx->skipped_us;
	w->bytes += bytes;
	tx->starved = 0;
	tx->unused = 0;
}

static void frame_sent(struct card *card)
{
	struct card_mac_tx *tx = &card->tx;

	tx->window.frames++;
	card->stats.tx_frames++;
	card->stats.tx_bytes += tx->len;
	if (tx->oversize || tx->len < CARD_FRAME_MIN)
		card_offence(card, false, "sent a frame of %s%u bytes",
			     tx->oversize ? "more than " : "", tx->len);
	record(card, tx->frame, tx->len);
	if (card->watch)
		timeline_watch_sent(card->watch, tx->begin, card_time(card),
				    tx->frame, tx->len);
	/* The checker logs by itself; a run-time error it returns. */
	if (card->check &&
	    fantail_wire_check_tx(card->check, tx->frame, tx->len,
				  card->now_us) == -ENOMEM)
		card_offence(card, true, "checker out of memory");
	if (card->net && !tx->oversize) {
		if (fantail_net_send(card->net, tx->frame, tx->len,
				     card->now_us) > 0)
			card->stop = true;
		card->rx.look = true;
	}
	tx->len = 0;
	tx->oversize = false;
	tx->in_frame = false;
	tx->paused = 0;
}

static void sent_beat(struct card *card)
{
	const struct dut_out *out = &card->dut.out;
	struct card_mac_tx *tx = &card->tx;
	uint64_t keep = out->mac_tx_tkeep;
	unsigned int bytes;

	if (!keep || (keep & (keep + 1)) ||
	    (!out->mac_tx_tlast && keep != ALL_BYTES))
		card_offence(card, false, "mac transmit: tkeep 0x%llx%s",
			     (unsigned long long)keep,
			     out->mac_tx_tlast ? " on last" : "");
	bytes = (unsigned int)__builtin_popcountll(keep);
	beat_in_window(card, bytes);
	if (card->watch && !tx->in_frame)
		tx->begin = card_time(card);
	tx->in_frame = true;
	tx->credit -= bytes;
	if (tx->len + bytes > CARD_FRAME_MAX)
		tx->oversize = true;
	if (tx->len <= CARD_FRAME_MAX) {
		memcpy(tx->frame + tx->len, card->dut.mac_tx_tdata, DUT_BEAT);
		tx->len += bytes;
	}
	if (!out->mac_tx_tlast)
		return;
	if (tx->len > CARD_FRAME_MAX)
		tx->len = CARD_FRAME_MAX;
	tx->credit -= WIRE_EXTRA;
	frame_sent(card);
}

static void sample_tx(struct card *card)
{
	const struct dut_out *out = &card->dut.out;
	struct card_mac_tx *tx = &card->tx;
	struct dut_in *in = &card->dut.in;

	if (out->mac_tx_tvalid || card->hold_mac.stalled)
		card_judge_hold(card, &card->hold_mac, out->mac_tx_tvalid,
				in->mac_tx_tready, out->mac_tx_tkeep,
				out->mac_tx_tlast, card->dut.mac_tx_tdata,
				"mac transmit");
	if (out->mac_tx_tvalid && in->mac_tx_tready)
		sent_beat(card);
	else if (tx->in_frame && !out->mac_tx_tvalid && !tx->paused++)
		card_offence(card, false, "mac transmit: pause in a frame");
	if (!out->mac_tx_tvalid)
		tx->starved += in->mac_tx_tready;
	else if (!in->mac_tx_tready && tx->window.beats)
		tx->window.blocked++;
	if (!card->mac_pacing) {
		in->mac_tx_tready = 1;
		return;
	}
	tx->credit += card->pacing_bytes;
	if (tx->credit > CREDIT_MAX) {
		tx->unused += (uint64_t)(tx->credit - CREDIT_MAX);
		tx->credit = CREDIT_MAX;
	}
	in->mac_tx_tready = tx->credit > 0;
}

/* The next frame for the engine, padded as on a wire. */
static void fetch_frame(struct card *card)
{
	struct card_mac_rx *rx = &card->rx;
	int len;

	if (!card->net) {
		rx->look = false;
		return;
	}
	len = fantail_net_recv(card->net, rx->frame, sizeof(rx->frame),
			       card->now_us);
	if (len <= 0) {
		rx->look = false;
		return;
	}
	if (len < CARD_FRAME_MIN) {
		memset(rx->frame + len, 0, (size_t)(CARD_FRAME_MIN - len));
		len = CARD_FRAME_MIN;
	}
	rx->len = (unsigned int)len;
	rx->pos = 0;
	card->stats.rx_frames++;
	card->stats.rx_bytes += rx->len;
	record(card, rx->frame, rx->len);
	if (card->watch)
		timeline_watch_received(card->watch, card_time(card), rx->frame,
					rx->len);
	if (card->check &&
	    fantail_wire_check_rx(card->check, rx->frame, rx->len,
				  card->now_us) == -ENOMEM)
		card_offence(card, true, "checker out of memory");
}

void card_mac_sample(struct card *card)
{
	sample_tx(card);
}

/* One beat per cycle; a frame, once begun, has no pauses. */
void card_mac_drive(struct card *card)
{
	struct card_mac_rx *rx = &card->rx;
	struct dut_in *in = &card->dut.in;
	unsigned int left;

	if (card->mac_pacing && rx->credit < CREDIT_MAX)
		rx->credit += card->pacing_bytes;
	if (!rx->len && rx->look && (!card->mac_pacing || rx->credit > 0))
		fetch_frame(card);
	if (!rx->len) {
		in->mac_rx_tvalid = 0;
		return;
	}
	left = rx->len - rx->pos;
	memcpy(card->dut.mac_rx_tdata, rx->frame + rx->pos, DUT_BEAT);
	in->mac_rx_tvalid = 1;
	in->mac_rx_tuser = 0;
	in->mac_rx_tlast = left <= DUT_BEAT;
	in->mac_rx_tkeep = left >= DUT_BEAT ? ALL_BYTES
					    : ((uint64_t)1 << left) - 1;
	rx->pos += DUT_BEAT;
	if (left > DUT_BEAT)
		return;
	if (card->mac_pacing)
		rx->credit -= rx->len + WIRE_EXTRA;
	rx->len = 0;
}
