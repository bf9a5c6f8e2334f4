"use strict";
const show = (section) => {
  const data = JSON.parse(section.querySelector("script").textContent);
  const column = (text, Type) => {
    const raw = atob(text), bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
    return new Type(bytes.buffer);
  };
  const time = column(data.time, Uint32Array), open = column(data.open, Float32Array), high = column(data.high, Float32Array);
  const low = column(data.low, Float32Array), close = column(data.close, Float32Array), gain = column(data.gain, Float32Array);
  const gainLow = data.gain_low ? column(data.gain_low, Float32Array) : gain;
  const gainHigh = data.gain_high ? column(data.gain_high, Float32Array) : gain;
  const fall = column(data.fall, Float32Array);
  const side = column(data.side, Int8Array), entryRow = column(data.entry_row, Uint32Array), exitRow = column(data.exit_row, Uint32Array);
  const entryPrice = column(data.entry_price, Float32Array), exitPrice = column(data.exit_price, Float32Array), pnl = column(data.pnl, Float32Array);
  const rows = time.length, held = new Float32Array(rows);
  for (let i = 0; i < rows; i++) held[i] = data.cash * (close[i] / data.first_close - 1);

  const chart = section.querySelector(".chart"), [base, over] = chart.querySelectorAll("canvas"), readout = section.querySelector(".readout");
  const RIGHT = 84, BOTTOM = 24, GAP = 14, FEWEST = Math.min(20, rows);
  let from = 0, to = rows, width = 0, height = 0, plot = 0, panels = [], colour = {}, cursor = null, trade = -1, waiting = false;

  const digits = (n, of) => n.toLocaleString("en-US", { maximumSignificantDigits: of });
  const money = (n) => digits(n, 8), percent = (n) => (100 * n).toLocaleString("en-US", { maximumFractionDigits: 2 }) + " %";
  const stamp = (row) => new Date(time[row] * 1000).toISOString().slice(0, 16).replace("T", " ");
  const xOf = (row) => (row - from) / (to - from) * plot;
  const clamp = (n, least, most) => Math.max(least, Math.min(most, n));

  function look(start, end) {
    const span = clamp(end - start, FEWEST, rows);
    from = clamp(start, 0, rows - span);
    to = from + span;
    ask();
  }
  const zoom = (factor, at) => look(at - (at - from) * factor, at + (to - at) * factor);
  const pan = (share) => look(from + share * (to - from), to + share * (to - from));
  function ask() {
    if (!waiting) { waiting = true; requestAnimationFrame(() => { waiting = false; draw(); }); }
  }

  // Lowest and highest of each pixel column: nothing between two columns is lost.
  function columns(lows, highs) {
    const first = Math.floor(from), last = Math.min(rows, Math.ceil(to)), found = [];
    if (plot >= last - first) {
      for (let i = first; i < last; i++) found.push([xOf(i + 0.5), lows[i], highs[i], i, i]);
      return found;
    }
    for (let x = 0; x < plot; x++) {
      const a = clamp(Math.floor(from + x / plot * (to - from)), 0, rows - 1);
      const b = clamp(Math.floor(from + (x + 1) / plot * (to - from)), a + 1, rows);
      let least = lows[a], most = highs[a];
      for (let i = a + 1; i < b; i++) { if (lows[i] < least) least = lows[i]; if (highs[i] > most) most = highs[i]; }
      found.push([x + 0.5, least, most, a, b - 1]);
    }
    return found;
  }
  function range(lists) {
    let least = Infinity, most = -Infinity;
    for (const list of lists) for (const c of list) { if (c[1] < least) least = c[1]; if (c[2] > most) most = c[2]; }
    const pad = (most - least) * 0.05 || Math.abs(most) * 0.01 || 1;
    return [least - pad, most + pad];
  }
  function step(span, count) {
    const raw = span / count, power = 10 ** Math.floor(Math.log10(raw));
    return power * [1, 2, 5, 10].find((n) => n * power >= raw);
  }

  function draw() {
    const box = chart.getBoundingClientRect(), scale = window.devicePixelRatio || 1;
    width = Math.max(200, chart.clientWidth); height = Math.max(200, box.height); plot = Math.floor(width - RIGHT);
    for (const canvas of [base, over]) { canvas.width = Math.round(width * scale); canvas.height = Math.round(height * scale); }
    const style = getComputedStyle(document.documentElement);
    for (const name of ["back", "text", "soft", "line", "up", "down", "long", "short", "equity", "held", "fall"]) colour[name] = style.getPropertyValue("--" + name).trim();
    chart.toggleAttribute("data-dark", style.colorScheme === "dark");
    const pen = base.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.fillStyle = colour.back; pen.fillRect(0, 0, width, height);
    pen.font = "12px system-ui, sans-serif";
    const room = height - BOTTOM - 2 * GAP;
    const prices = columns(low, high), curve = columns(gainLow, gainHigh), market = columns(held, held), falls = columns(fall, fall);
    panels = [
      { top: 0, tall: room * 0.5, range: range([prices]), title: "Price", text: (n) => digits(n, 7) },
      { top: room * 0.5 + GAP, tall: room * 0.3, range: range([curve, market]), title: "Equity and buy-and-hold", text: (n) => money(n + data.cash) },
      { top: room * 0.8 + 2 * GAP, tall: room * 0.2, range: [range([falls])[0], 0], title: "Drawdown", text: percent },
    ];
    for (const panel of panels) {
      panel.y = (n) => panel.top + panel.tall * (1 - (n - panel.range[0]) / (panel.range[1] - panel.range[0]));
      axes(pen, panel);
    }
    dates(pen);
    clip(pen, panels[0], () => { candles(pen, prices); trades(pen); });
    clip(pen, panels[1], () => { line(pen, panels[1], market, colour.held, 1); line(pen, panels[1], curve, colour.equity, 1.5); });
    clip(pen, panels[2], () => area(pen, panels[2], falls));
    for (const panel of panels) {
      pen.font = "600 12px system-ui, sans-serif";
      pen.fillStyle = colour.back; pen.globalAlpha = 0.75; pen.fillRect(6, panel.top + 4, pen.measureText(panel.title).width + 8, 17);
      pen.globalAlpha = 1; pen.fillStyle = colour.soft; pen.fillText(panel.title, 10, panel.top + 17);
    }
    cross();
  }
  function clip(pen, panel, inside) {
    pen.save(); pen.beginPath(); pen.rect(0, panel.top, plot, panel.tall); pen.clip(); inside(); pen.restore();
  }
  function axes(pen, panel) {
    const [least, most] = panel.range, by = step(most - least, Math.max(2, panel.tall / 45));
    pen.strokeStyle = colour.line; pen.fillStyle = colour.soft; pen.lineWidth = 1; pen.textAlign = "left"; pen.textBaseline = "middle";
    for (let n = Math.ceil(least / by) * by; n <= most; n += by) {
      const y = Math.round(panel.y(n)) + 0.5;
      pen.beginPath(); pen.moveTo(0, y); pen.lineTo(plot, y); pen.stroke();
      if (y > panel.top + 5 && y < panel.top + panel.tall + 2) pen.fillText(panel.text(Math.abs(n) < by / 1e6 ? 0 : n), plot + 6, y);
    }
    pen.textBaseline = "alphabetic";
  }
  function dates(pen) {
    const count = Math.max(1, Math.floor(plot / 130)), days = (time[Math.min(rows, Math.ceil(to)) - 1] - time[Math.floor(from)]) / 86400;
    pen.fillStyle = colour.soft; pen.textAlign = "center";
    for (let i = 0; i < count; i++) {
      const x = (i + 0.5) / count * plot, text = stamp(clamp(Math.floor(from + x / plot * (to - from)), 0, rows - 1));
      pen.fillText(days > 20 ? text.slice(0, 10) : text.slice(5), x, height - 8);
    }
    pen.textAlign = "left";
  }
  function candles(pen, list) {
    const y = panels[0].y, wide = plot / (to - from), body = Math.max(1, Math.min(15, wide * 0.7));
    for (const [x, least, most, a, b] of list) {
      pen.fillStyle = close[b] >= open[a] ? colour.up : colour.down;
      pen.fillRect(wide > 2 ? x - 0.5 : Math.floor(x), y(most), 1, Math.max(1, y(least) - y(most)));
      if (wide > 3) {
        const above = y(Math.max(open[a], close[a])), below = y(Math.min(open[a], close[a]));
        pen.fillRect(x - body / 2, above, body, Math.max(1, below - above));
      }
    }
  }
  function line(pen, panel, list, stroke, thick) {
    pen.strokeStyle = stroke; pen.lineWidth = thick; pen.lineJoin = "round"; pen.beginPath();
    for (const [x, least, most] of list) { pen.lineTo(x, panel.y(most)); if (least !== most) pen.lineTo(x, panel.y(least)); }
    pen.stroke();
  }
  function area(pen, panel, list) {
    pen.fillStyle = colour.fall; pen.globalAlpha = 0.35; pen.beginPath(); pen.moveTo(list[0][0], panel.y(0));
    for (const [x, least] of list) pen.lineTo(x, panel.y(least));
    pen.lineTo(list[list.length - 1][0], panel.y(0)); pen.fill(); pen.globalAlpha = 1;
    line(pen, panel, list.map(([x, least]) => [x, least, least]), colour.fall, 1);
  }
  function firstAt(row) {
    let a = 0, b = entryRow.length;
    while (a < b) { const middle = (a + b) >> 1; if (entryRow[middle] < row) a = middle + 1; else b = middle; }
    return a;
  }
  function trades(pen) {
    const y = panels[0].y, begin = Math.max(0, firstAt(Math.floor(from)) - 1), end = firstAt(Math.ceil(to));
    const lines = end - begin <= plot / 4;
    let last = -9, lastSide = 0;
    for (let i = begin; i < end; i++) {
      const x = xOf(entryRow[i] + 0.5);
      if (!lines && side[i] === lastSide && x - last < 6) continue;
      last = x; lastSide = side[i];
      const isOpen = exitRow[i] >= rows, x2 = xOf(Math.min(exitRow[i], rows - 1) + 0.5);
      const y1 = y(entryPrice[i]), y2 = y(isOpen ? close[rows - 1] : exitPrice[i]), tint = side[i] > 0 ? colour.long : colour.short;
      if (lines) {
        pen.strokeStyle = tint; pen.lineWidth = i === trade ? 3 : 1.5; pen.setLineDash(pnl[i] > 0 ? [] : [4, 3]);
        pen.beginPath(); pen.moveTo(x, y1); pen.lineTo(x2, y2); pen.stroke(); pen.setLineDash([]);
        if (!isOpen) { pen.beginPath(); pen.moveTo(x2 - 4, y2 - 4); pen.lineTo(x2 + 4, y2 + 4); pen.moveTo(x2 - 4, y2 + 4); pen.lineTo(x2 + 4, y2 - 4); pen.lineWidth = 2; pen.stroke(); }
      }
      const size = lines ? 6 : 4, tip = side[i] > 0 ? -size : size;
      pen.fillStyle = tint; pen.strokeStyle = colour.back; pen.lineWidth = 1; pen.beginPath();
      pen.moveTo(x, y1 + tip); pen.lineTo(x - size, y1 - tip); pen.lineTo(x + size, y1 - tip); pen.closePath(); pen.fill(); pen.stroke();
    }
  }
  function cross() {
    const pen = over.getContext("2d"), scale = window.devicePixelRatio || 1;
    pen.setTransform(scale, 0, 0, scale, 0, 0); pen.clearRect(0, 0, width, height);
    if (cursor === null || cursor < from || cursor >= to) return;
    const x = xOf(cursor + 0.5);
    pen.strokeStyle = colour.soft; pen.setLineDash([3, 3]); pen.beginPath(); pen.moveTo(x, 0); pen.lineTo(x, height - BOTTOM); pen.stroke(); pen.setLineDash([]);
  }
  function tell(row) {
    cursor = clamp(row, 0, rows - 1);
    const i = cursor, index = firstAt(i + 1) - 1;
    let text = stamp(i) + " UTC · open " + digits(open[i], 7) + ", high " + digits(high[i], 7) + ", low " + digits(low[i], 7) + ", close " + digits(close[i], 7);
    text += " · equity " + money(data.cash + gain[i]) + ", drawdown " + percent(-fall[i]) + ", buy-and-hold " + money(data.cash + held[i]);
    if (index >= 0 && exitRow[index] >= i) {
      const end = exitRow[index] >= rows ? "still open" : "to " + digits(exitPrice[index], 7) + " at " + stamp(exitRow[index]);
      text += " · trade " + (index + 1 + data.trades_left_out) + ": " + (side[index] > 0 ? "long" : "short") + " from " + digits(entryPrice[index], 7) + " " + end + ", profit " + money(pnl[index]);
    }
    readout.textContent = text;
    cross();
  }
  function goTo(index) {
    if (!entryRow.length) return;
    trade = clamp(index, 0, entryRow.length - 1);
    const a = entryRow[trade], b = Math.min(exitRow[trade], rows - 1), span = clamp((b - a) * 3, 120, rows);
    look((a + b) / 2 - span / 2, (a + b) / 2 + span / 2);
    tell(a);
  }

  const actions = {
    in: () => zoom(0.5, (from + to) / 2), out: () => zoom(2, (from + to) / 2), left: () => pan(-0.2), right: () => pan(0.2),
    all: () => look(0, rows), begin: () => look(0, to - from), end: () => look(rows - (to - from), rows),
    next: () => goTo(trade + 1), previous: () => goTo(trade < 0 ? entryRow.length - 1 : trade - 1),
    before: () => tell((cursor ?? Math.floor(to)) - 1), after: () => tell((cursor ?? Math.floor(from) - 1) + 1),
    theme: () => {
      const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = (root.dataset.theme || (dark ? "dark" : "light")) === "dark" ? "light" : "dark";
      ask();
    },
  };
  const keys = { "+": "in", "=": "in", "-": "out", ArrowLeft: "left", ArrowRight: "right", 0: "all", Home: "begin", End: "end", n: "next", p: "previous", ",": "before", ".": "after" };
  for (const button of section.querySelectorAll("button[data-do]")) button.addEventListener("click", () => actions[button.dataset.do]());
  chart.addEventListener("keydown", (event) => {
    const action = keys[event.key];
    if (action && !event.ctrlKey && !event.metaKey && !event.altKey) { event.preventDefault(); actions[action](); }
  });
  const rowAt = (event) => from + clamp((event.clientX - chart.getBoundingClientRect().left) / plot, 0, 1) * (to - from);
  chart.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) pan(event.deltaX / plot); else zoom(clamp(1.0015 ** event.deltaY, 0.5, 2), rowAt(event));
  }, { passive: false });
  let grip = null;
  chart.addEventListener("pointerdown", (event) => { chart.setPointerCapture(event.pointerId); grip = { x: event.clientX, from, to }; });
  chart.addEventListener("pointermove", (event) => {
    if (grip) { const moved = (grip.x - event.clientX) / plot * (grip.to - grip.from); look(grip.from + moved, grip.to + moved); }
    tell(Math.floor(rowAt(event)));
  });
  for (const name of ["pointerup", "pointercancel"]) chart.addEventListener(name, () => { grip = null; });
  chart.addEventListener("dblclick", actions.all);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", ask);
  new ResizeObserver(ask).observe(chart);
  draw();
};
document.querySelectorAll("section").forEach(show);
