// SPDX-License-Identifier: Apache-2.0
// Retires the entries of the CONTROL ring: each goes to the control unit, then its records to the status ring.
//
// Contract: one entry at a time. Refused: a REFUSED record. LAST: one BATCH record, after everything before it.
// head_o passes an entry when it has taken effect, before its records are offered; it returns to 0 while enable_i is
// low and nothing runs. A record holds until taken.

module fantail_exec_control (
  input  logic         clk,
  input  logic         rst,
  input  logic         enable_i,

  input  logic         s_entry_valid,
  output logic         s_entry_ready,
  input  logic [511:0] s_entry_data,
  input  logic [14:0]  s_entry_index,

  output logic         m_ctl_valid,
  input  logic         m_ctl_ready,
  output logic [511:0] m_ctl_entry,
  input  logic         s_ctl_done_valid,
  input  logic [7:0]   s_ctl_done_code,
  input  logic [63:0]  s_ctl_done_addr,

  output logic         m_rec_valid,
  input  logic         m_rec_ready,
  output logic [255:0] m_rec_data,

  output logic [14:0]  head_o,
  output logic         refused_inc_o,
  output logic         idle_o
);
  typedef enum logic [2:0] {
    StIdle,    // wait for an entry
    StCtl,     // offer it to the control unit
    StWait,    // its answer
    StRefuse,  // REFUSED record
    StBatch    // BATCH record
  } state_e;

  state_e                         st_q;
  logic [511:0]                   entry_q;
  logic [14:0]                    index_q, head_q;
  logic [7:0]                     code_q;
  logic [63:0]                    addr_q;
  logic [15:0]                    entries_q, refused_q;  // of the batch, saturating
  logic                           last;
  fantail_regs_pkg::entry_t       entry;
  logic                           unused_entry;  // fields of the control unit
  fantail_regs_pkg::rec_batch_t   rec_batch;
  fantail_regs_pkg::rec_refused_t rec_refused;

  assign entry        = entry_q;
  assign unused_entry = ^entry;
  assign last         = (entry.flags & fantail_regs_pkg::FLAG_LAST) != '0;

  assign s_entry_ready = st_q == StIdle;
  assign m_ctl_valid   = st_q == StCtl;
  assign m_ctl_entry   = entry_q;
  assign m_rec_valid   = st_q == StRefuse || st_q == StBatch;
  assign m_rec_data    = st_q == StRefuse ? rec_refused : rec_batch;
  assign head_o        = head_q;
  assign idle_o        = st_q == StIdle && !s_entry_valid;
  assign refused_inc_o = st_q == StRefuse && m_rec_ready;

  always_comb begin
    rec_batch           = '0;
    rec_batch.type_     = fantail_regs_pkg::REC_BATCH;
    rec_batch.ring      = 8'd1;
    rec_batch.entries   = entries_q;
    rec_batch.refused   = refused_q;
    rec_batch.cookie_lo = entry.cookie[31:0];
    rec_batch.cookie_hi = entry.cookie[63:32];
  end

  always_comb begin
    rec_refused           = '0;
    rec_refused.type_     = fantail_regs_pkg::REC_REFUSED;
    rec_refused.ring      = 8'd1;
    rec_refused.index     = {1'b0, index_q};
    rec_refused.code      = code_q;
    rec_refused.op        = entry.op;
    rec_refused.target    = entry.target;
    rec_refused.addr_lo   = addr_q[31:0];
    rec_refused.addr_hi   = addr_q[63:32];
    rec_refused.cookie_lo = entry.cookie[31:0];
    rec_refused.cookie_hi = entry.cookie[63:32];
  end

  always_ff @(posedge clk) begin
    if (s_entry_valid && s_entry_ready) begin
      entry_q <= s_entry_data;
      index_q <= s_entry_index;
    end
    if (s_ctl_done_valid) begin
      code_q <= s_ctl_done_code;
      addr_q <= s_ctl_done_addr;
    end
    if (rst) begin
      st_q      <= StIdle;
      head_q    <= '0;
      entries_q <= '0;
      refused_q <= '0;
    end else begin
      unique case (st_q)
        StIdle: begin
          if (s_entry_valid) begin
            st_q <= StCtl;
          end else if (!enable_i) begin
            head_q    <= '0;
            entries_q <= '0;
            refused_q <= '0;
          end
        end
        StCtl: if (m_ctl_ready) st_q <= StWait;
        StWait: begin
          if (s_ctl_done_valid) begin
            head_q <= index_q + 15'd1;
            if (entries_q != '1) entries_q <= entries_q + 16'd1;
            if (s_ctl_done_code != fantail_regs_pkg::REFUSE_OK) st_q <= StRefuse;
            else st_q <= last ? StBatch : StIdle;
          end
        end
        StRefuse: begin
          if (m_rec_ready) begin
            if (refused_q != '1) refused_q <= refused_q + 16'd1;
            st_q <= last ? StBatch : StIdle;
          end
        end
        StBatch: begin
          if (m_rec_ready) begin
            entries_q <= '0;
            refused_q <= '0;
            st_q      <= StIdle;
          end
        end
        default: st_q <= StIdle;
      endcase
    end
  end

endmodule
