// SPDX-License-Identifier: Apache-2.0
//
// Loss, link use and bytes, drawn by uPlot. Legends are our own: buttons, with text that is text.

const siPrefix = (value, units) => value === 0 ? '0' : scaled(value, units).replace('.0', '').trim();

const clockText = unixSeconds => {
  const text = new Date(1000 * unixSeconds).toLocaleTimeString([], {hourCycle: 'h23'});
  return unixSeconds % 60 ? text : text.slice(0, 5);
};

const onlyDecades = (plot, marks) => marks.map(mark => Math.abs(Math.log10(mark) % 1) < 1e-9 ? mark : null);

class Chart {
  // kind: {id, time, log, text(value), axis(value), wide}
  constructor(kind) {
    this.kind = kind;
    this.box = byId(kind.id);
    this.curves = [];  // {label, look, dash, fill}
    this.hidden = new Set();  // labels
    this.plot = null;
    new ResizeObserver(() => this.resize()).observe(this.box);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.rebuild());
  }

  // columns: x, then one of each curve.
  update(curves, columns) {
    this.columns = columns;
    const key = curves.map(curve => curve.label).join('\n');
    if (key !== this.key) {
      this.key = key;
      this.curves = curves;
      this.makeLegend();
      this.rebuild();
    } else if (this.plot) {
      const zoomed = this.zoomed();
      this.plot.setData(columns, !zoomed);
      if (zoomed) this.plot.setScale('x', zoomed);
    }
    this.showValues();
  }

  zoomed() {
    const xs = this.plot.data[0], {min, max} = this.plot.scales.x;
    if (!xs.length || min === null) return null;
    return min > xs[0] + 1e-9 || max < xs.at(-1) - 1e-9 ? {min, max} : null;
  }

  makeLegend() {
    const legend = byId(`${this.kind.id}-legend`);
    this.values = this.curves.map(() => make('b', {class: this.kind.wide ? 'wide' : ''}, '–'));
    legend.replaceChildren(...this.curves.map((curve, i) => {
      const line = make('i');
      line.style.setProperty('--curve', `var(--${curve.look})`);
      const button = make('button', {type: 'button', 'aria-pressed': 'true', title: `Show or hide ${curve.label}`},
        line, make('span', {class: 'label'}, curve.label), this.values[i]);
      button.addEventListener('click', () => this.toggle(i, button));
      setAttribute(button, 'aria-pressed', String(!this.hidden.has(curve.label)));
      return button;
    }));
  }

  toggle(index, button) {
    const {label} = this.curves[index], shows = this.hidden.has(label);
    if (shows) this.hidden.delete(label); else this.hidden.add(label);
    setAttribute(button, 'aria-pressed', String(shows));
    this.plot?.setSeries(index + 1, {show: shows});
  }

  options() {
    const {kind} = this, ink = colour('soft'), line = colour('line'), font = `12px ${getComputedStyle(document.body).fontFamily}`;
    const axis = {stroke: ink, font, grid: {stroke: line, width: 1}, ticks: {show: false}};
    return {
      width: Math.max(100, this.box.clientWidth), height: 250, padding: [8, 10, 0, 0], legend: {show: false},
      cursor: {points: {size: 7}, drag: {x: true, y: false}},
      scales: {x: {time: kind.time}, y: kind.log ? {distr: 3, log: 10} : {range: (plot, low, high) => this.range(low, high)}},
      axes: [{...axis, size: 32, space: 64, ...(kind.time ? {incrs: clockSteps} : {}), values: (plot, marks) => marks.map(mark => kind.time ? clockText(mark) : countText(mark).replace('.0', ''))},
        {...axis, size: 62, space: 36, grid: kind.log ? {...axis.grid, filter: onlyDecades} : axis.grid, values: (plot, marks) => marks.map(mark => mark === null ? '' : kind.axis(mark))}],
      series: [{}, ...this.curves.map(curve => ({
        show: !this.hidden.has(curve.label), stroke: colour(curve.look), width: 1.75, dash: curve.dash, spanGaps: true, points: {show: false},
        fill: curve.fill ? `color-mix(in srgb, ${colour(curve.look)} 12%, transparent)` : undefined,
      }))],
      hooks: {setCursor: [() => this.showValues()]},
    };
  }
  range(low, high) {
    if (!isKnown(low) || !isKnown(high)) return [0, 1];
    const rest = Math.max((high - low) * 0.06, Math.abs(high) * 1e-3, 1e-9);
    return [this.kind.fromZero ? 0 : low - rest, high + rest];
  }

  rebuild() {
    if (!this.columns || !this.curves.length) return;
    this.plot?.destroy();
    this.plot = new uPlot(this.options(), this.columns, this.box);
  }
  resize() {
    if (!this.plot) return;
    const width = Math.max(100, this.box.clientWidth);
    if (width !== this.plot.width) this.plot.setSize({width, height: 250});
  }

  // Those under the mouse, else the last.
  showValues() {
    const at = this.plot?.cursor.idx;
    const last = column => { for (let i = column.length - 1; i >= 0; --i) if (isKnown(column[i])) return column[i]; return null; };
    const said = this.curves.map((curve, i) => {
      const column = this.columns[i + 1], text = this.kind.text(isKnown(at) ? column[at] : last(column));
      setText(this.values[i], text);
      return `${curve.label} ${text}`;
    });
    if (!isKnown(at)) setText(byId(`${this.kind.id}-said`), said.join(', '));
  }
}

class Charts {
  constructor() {
    const perSecond = [' B/s', ' kB/s', ' MB/s', ' GB/s'], bytes = [' B', ' kB', ' MB', ' GB', ' TB', ' PB'];
    this.loss = new Chart({id: 'loss', time: false, text: lossText, axis: mark => String(+mark.toFixed(4))});
    this.rate = new Chart({id: 'rate', time: true, fromZero: true, wide: true, text: rateText, axis: mark => siPrefix(mark, perSecond)});
    this.bytes = new Chart({id: 'bytes', time: true, log: true, wide: true, text: bytesText, axis: mark => siPrefix(mark, bytes)});
  }

  update(run, curves) {
    const sites = curves.sites.map((label, i) => ({label, look: curveColour(i)}));
    if (sites.length) {
      const columns = curves.loss.map(curve => curve.columns());
      this.loss.update(sites, columns.some(([steps]) => steps.length) ? uPlot.join(columns) : [[], ...columns.map(() => [])]);
    }
    const [at, up, down, ddp, upRate, downRate] = curves.traffic;
    const times = at.map(seconds => run.started_unix_ms / 1000 + seconds);
    // The first point has no rate: nothing is before it.
    this.rate.update([{label: 'to the hub', look: 'c0', fill: true}, {label: 'from the hub', look: 'c1', fill: true}],
      [times.slice(1), upRate.slice(1), downRate.slice(1)]);
    const positive = value => value > 0 ? value : null;
    this.bytes.update([{label: 'sent', look: 'c0'}, {label: 'DDP', look: 'c7', dash: [6, 4]}],
      [times, up.map((value, i) => positive(value + down[i])), ddp.map(positive)]);
  }
}
