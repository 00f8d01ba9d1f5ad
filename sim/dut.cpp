// SPDX-License-Identifier: Apache-2.0
// The only C++ file: extern "C" around the verilated class Vfantail.
// Compile with -include dut_hooks.h, as the verilated run-time itself.

#include "dut_hooks.h"
#include "dut.h"

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <string>

#include "Vfantail.h"
#include "Vfantail___024root.h"
#include "verilated.h"
#if VM_TRACE_FST
#include "verilated_fst_c.h"
#endif

// mk/model.mk puts it into the generated code: only then are inputs looked at.
extern __thread bool fantail_dut_moved;
__thread bool fantail_dut_moved;

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	      "wide ports are handed out as bytes");

struct dut_model {
	std::unique_ptr<VerilatedContext> context;
	std::unique_ptr<Vfantail> top;
	dut_log_fn log = nullptr;
	void *log_ctx = nullptr;
	unsigned int ps_per_cycle = 4000;
	std::string line;	 // model output up to the next newline
	struct dut_in seen = {}; // inputs as last settled
	bool settled = false;
#if VM_TRACE_FST
	std::unique_ptr<VerilatedFstC> fst;
	uint64_t trace_first = 0;
	uint64_t trace_end = 0; // first cycle not traced
#endif
};

namespace
{

// Thrown by vl_fatal: the run-time's loops do not expect it to return.
struct fatal_error {
};

// The model being evaluated by this thread, for the hooks.
thread_local struct dut *current;

// The context that the run-time holds for this thread, and a lock because it
// also keeps the last one set by any thread.
thread_local VerilatedContext *in_use;
std::mutex context_lock;

void use_context(VerilatedContext *context)
{
	if (in_use == context)
		return;
	std::lock_guard<std::mutex> hold(context_lock);
	Verilated::threadContextp(context);
	in_use = context;
}

std::unique_ptr<VerilatedContext> new_context()
{
	std::lock_guard<std::mutex> hold(context_lock);
	std::unique_ptr<VerilatedContext> context(new VerilatedContext);

	in_use = context.get();
	return context;
}

void emit(struct dut *dut, bool bad, const std::string &msg)
{
	if (dut && dut->model->log && !msg.empty())
		dut->model->log(dut->model->log_ctx, bad, msg.c_str());
}

void give_up(const char *what, const char *file, int line, const char *hier)
{
	struct dut *dut = current;
	std::string msg = what;

	if (file && file[0])
		msg += std::string(" at ") + file + ":" + std::to_string(line);
	if (hier && hier[0])
		msg += std::string(" in ") + hier;
	if (!dut)
		return;
	msg += ", cycle " + std::to_string(dut->cycle);
	dut->failed = true;
	emit(dut, true, msg);
}

#if VM_TRACE_FST
void dump(struct dut *dut, unsigned int half)
{
	struct dut_model *m = dut->model;
	uint64_t ps = m->ps_per_cycle;

	if (!m->fst || dut->cycle < m->trace_first ||
	    dut->cycle >= m->trace_end)
		return;
	m->fst->dump(dut->cycle * ps + half * (ps / 2));
}
#else
void dump(struct dut *, unsigned int) {}
#endif

void eval(struct dut *dut, unsigned int half)
{
	struct dut *outer = current;

	current = dut;
	use_context(dut->model->context.get());
	try {
		dut->model->top->eval();
		dump(dut, half);
	} catch (const fatal_error &) {
		dut->failed = true;
	}
	current = outer;
}

void put_inputs(const struct dut_in *in, Vfantail *top)
{
	top->rst = in->rst;
	top->now_us_i = in->now_us;
	top->s_axil_awaddr = in->axil_awaddr;
	top->s_axil_awvalid = in->axil_awvalid;
	top->s_axil_wdata = in->axil_wdata;
	top->s_axil_wstrb = in->axil_wstrb;
	top->s_axil_wvalid = in->axil_wvalid;
	top->s_axil_bready = in->axil_bready;
	top->s_axil_araddr = in->axil_araddr;
	top->s_axil_arvalid = in->axil_arvalid;
	top->s_axil_rready = in->axil_rready;
	top->m_axi_arready = in->axi_arready;
	top->m_axi_rvalid = in->axi_rvalid;
	top->m_axi_rresp = in->axi_rresp;
	top->m_axi_rlast = in->axi_rlast;
	top->m_axi_awready = in->axi_awready;
	top->m_axi_wready = in->axi_wready;
	top->m_axi_bvalid = in->axi_bvalid;
	top->m_axi_bresp = in->axi_bresp;
	top->m_mac_tready = in->mac_tx_tready;
	top->s_mac_tvalid = in->mac_rx_tvalid;
	top->s_mac_tlast = in->mac_rx_tlast;
	top->s_mac_tuser = in->mac_rx_tuser;
	top->s_mac_tkeep = in->mac_rx_tkeep;
}

// Has any input changed? A beat may be followed by another one with the same
// signals beside it.
bool moved(struct dut *dut)
{
	struct dut_model *m = dut->model;
	const struct dut_in *in = &dut->in;

	if (m->settled && !in->axi_rvalid && !in->mac_rx_tvalid &&
	    !memcmp(in, &m->seen, sizeof(*in)))
		return false;
	memcpy(&m->seen, in, sizeof(*in));
	m->settled = true;
	return true;
}

void get_outputs(struct dut_out *out, const Vfantail *top)
{
	out->axil_awready = top->s_axil_awready;
	out->axil_wready = top->s_axil_wready;
	out->axil_bresp = top->s_axil_bresp;
	out->axil_bvalid = top->s_axil_bvalid;
	out->axil_arready = top->s_axil_arready;
	out->axil_rdata = top->s_axil_rdata;
	out->axil_rresp = top->s_axil_rresp;
	out->axil_rvalid = top->s_axil_rvalid;
	out->axi_araddr = top->m_axi_araddr;
	out->axi_arlen = top->m_axi_arlen;
	out->axi_arqp = top->m_axi_arqp;
	out->axi_arvalid = top->m_axi_arvalid;
	out->axi_rready = top->m_axi_rready;
	out->axi_awaddr = top->m_axi_awaddr;
	out->axi_awlen = top->m_axi_awlen;
	out->axi_awqp = top->m_axi_awqp;
	out->axi_awvalid = top->m_axi_awvalid;
	out->axi_wstrb = top->m_axi_wstrb;
	out->axi_wlast = top->m_axi_wlast;
	out->axi_wvalid = top->m_axi_wvalid;
	out->axi_bready = top->m_axi_bready;
	out->mac_tx_tkeep = top->m_mac_tkeep;
	out->mac_tx_tlast = top->m_mac_tlast;
	out->mac_tx_tvalid = top->m_mac_tvalid;
	out->irq = top->irq_o;
	out->idle = top->idle_o;
	out->next_deadline_us = top->next_deadline_us_o;
}

#if VM_TRACE_FST
int open_trace(struct dut_model *m, const struct dut_config *cfg)
{
	if (!cfg->trace)
		return 0;
	m->trace_first = cfg->trace_first;
	m->trace_end = cfg->trace_cycles ? cfg->trace_first + cfg->trace_cycles
					 : UINT64_MAX;
	m->fst = std::make_unique<VerilatedFstC>();
	m->top->trace(m->fst.get(), 99);
	m->fst->open(cfg->trace);
	return m->fst->isOpen() ? 0 : -EACCES;
}
#else
int open_trace(struct dut_model *, const struct dut_config *cfg)
{
	return cfg->trace ? -ENOTSUP : 0;
}
#endif

void bind_pins(struct dut *dut)
{
	Vfantail *top = dut->model->top.get();

	dut->axi_wdata = reinterpret_cast<uint8_t *>(&top->m_axi_wdata[0]);
	dut->mac_tx_tdata = reinterpret_cast<uint8_t *>(&top->m_mac_tdata[0]);
	dut->axi_rdata = reinterpret_cast<uint8_t *>(&top->m_axi_rdata[0]);
	dut->mac_rx_tdata = reinterpret_cast<uint8_t *>(&top->s_mac_tdata[0]);
	memset(dut->axi_rdata, 0, DUT_BEAT);
	memset(dut->mac_rx_tdata, 0, DUT_BEAT);
}

} // namespace

// What the verilated run-time calls (dut_hooks.h).

extern "C" int fantail_dut_printf(const char *fmt, ...)
{
	struct dut *dut = current;
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!dut)
		return n;
	for (const char *p = text; *p; p++) {
		if (*p != '\n') {
			dut->model->line += *p;
			continue;
		}
		emit(dut, dut->model->line.find("%Error") != std::string::npos,
		     dut->model->line);
		dut->model->line.clear();
	}
	return n;
}

void vl_finish(const char *file, int line, const char *hier)
{
	give_up("$finish", file, line, hier);
}

void vl_stop(const char *file, int line, const char *hier)
{
	give_up("assertion or $stop", file, line, hier);
}

void vl_fatal(const char *file, int line, const char *hier, const char *msg)
{
	give_up(msg, file, line, hier);
	throw fatal_error();
}

void vl_warn(const char *file, int line, const char *, const char *msg)
{
	emit(current, false,
	     std::string(file ? file : "") + ":" + std::to_string(line) + ": " +
		     msg);
}

extern "C" bool dut_can_trace(void)
{
#if VM_TRACE_FST
	return true;
#else
	return false;
#endif
}

extern "C" int dut_open(struct dut *dut, const struct dut_config *cfg)
{
	int rc;

	memset(dut, 0, sizeof(*dut));
	try {
		dut->model = new dut_model;
		struct dut_model *m = dut->model;

		m->log = cfg->log;
		m->log_ctx = cfg->log_ctx;
		m->ps_per_cycle = cfg->ps_per_cycle;
		m->context = new_context();
		// 31 bits, not zero: zero would mean a seed of its own.
		m->context->randSeed(static_cast<int>(cfg->seed % 0x7ffffffe) +
				     1);
		m->context->randReset(2);
		m->context->traceEverOn(cfg->trace != nullptr);
		current = dut;
		m->top =
			std::make_unique<Vfantail>(m->context.get(), "fantail");
		current = nullptr;
		bind_pins(dut);
		rc = open_trace(m, cfg);
	} catch (const std::bad_alloc &) {
		rc = -ENOMEM;
	} catch (const fatal_error &) {
		rc = -EIO;
	}
	current = nullptr;
	if (rc) {
		dut_close(dut);
		return rc;
	}
	dut->in.rst = 1;
	dut->model->top->clk = 0;
	dut_settle(dut);
	return 0;
}

extern "C" void dut_close(struct dut *dut)
{
	struct dut_model *m = dut->model;

	if (!m)
		return;
	// What is public inside is taken off the context's list, and another
	// model of this thread may have changed the context behind our back.
	in_use = nullptr;
	if (m->context)
		use_context(m->context.get());
	current = dut;
#if VM_TRACE_FST
	if (m->fst && m->fst->isOpen())
		m->fst->close();
	m->fst.reset();
#endif
	if (m->top && !dut->failed)
		m->top->final();
	m->top.reset();
	current = nullptr;
	// The thread must not keep a pointer to a context that is gone.
	use_context(nullptr);
	m->context.reset();
	delete m;
	dut->model = nullptr;
}

extern "C" void dut_edge(struct dut *dut)
{
	dut->cycle++;
	dut->model->context->time(dut->cycle * dut->model->ps_per_cycle);
	dut->model->top->clk = 1;
	fantail_dut_moved = false;
	eval(dut, 0);
}

extern "C" void dut_settle(struct dut *dut)
{
	Vfantail *top = dut->model->top.get();

	fantail_dut_moved = moved(dut);
	if (fantail_dut_moved)
		put_inputs(&dut->in, top);
	top->clk = 0;
	eval(dut, 1);
	get_outputs(&dut->out, top);
}

// The names that Verilator gives to what is public inside.
#define INSIDE(name) (root->fantail__DOT__u_core__DOT__watch_##name)

extern "C" void dut_look(const struct dut *dut, struct dut_watch *watch)
{
	const Vfantail___024root *root = dut->model->top->rootp;

	watch->append = INSIDE(append);
	watch->append_last = INSIDE(append_last);
	watch->append_bytes = INSIDE(append_bytes);
	watch->append_pos = INSIDE(append_pos);
	watch->walk = INSIDE(walk);
	watch->walk_qp = INSIDE(walk_qp);
	watch->walk_pos = INSIDE(walk_pos);
	watch->walk_len = INSIDE(walk_len);
	watch->walk_done = INSIDE(walk_done);
	watch->walk_reached = INSIDE(walk_reached);
	watch->walk_skipped = INSIDE(walk_skipped);
	watch->queue = INSIDE(queue);
	watch->queue_id = INSIDE(queue_id);
	watch->queue_seq = INSIDE(queue_seq);
}
