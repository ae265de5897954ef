// SPDX-License-Identifier: Apache-2.0
//
// Follows the hub's events and draws. A connection that ends is taken up again for ever, slower and
// slower up to every 10 s; until then the page says that what it shows is old.

const silenceMs = 20_000, chartsMs = 1000, retryMsMax = 10_000;
const token = new URLSearchParams(location.search).get('token');

// RFC 7396.
function applyPatch(target, patch) {
  const isObject = value => typeof value === 'object' && value !== null && !Array.isArray(value);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete target[key];
    else if (isObject(value) && isObject(target[key])) applyPatch(target[key], value);
    else target[key] = value;
  }
}

class Live {
  constructor() {
    this.state = {};
    this.curves = new Curves();
    this.charts = new Charts();
    this.timeline = new Timeline();
    this.retryMs = 500;
    this.drawnCharts = -chartsMs;
    document.addEventListener('visibilitychange', () => this.later());
    byId('round-rows').closest('details').addEventListener('toggle', () => this.later());
    setInterval(() => this.watch(), 1000);
    this.connect();
  }

  connect() {
    this.source = new EventSource(token === null ? 'events' : `events?token=${encodeURIComponent(token)}`);
    this.heardMs = performance.now();
    this.source.addEventListener('start', event => this.start(JSON.parse(event.data)));
    this.source.addEventListener('change', event => this.change(JSON.parse(event.data)));
    this.source.addEventListener('still', () => { this.heardMs = performance.now(); });
    this.source.onerror = () => this.lost();
  }

  start(data) {
    this.state = data.state;
    this.curves.clear();
    this.curves.change(data);
    eventsShown = null;
    this.retryMs = 500;
    this.drawnCharts = -chartsMs;
    this.heard();
  }
  change(data) {
    applyPatch(this.state, data.patch);
    this.curves.change(data);
    this.heard();
  }
  heard() {
    this.heardMs = performance.now();
    setText(byId('link'), 'Live');
    setAttribute(byId('link'), 'data-link', 'live');
    byId('main').classList.remove('stale');
    this.later();
  }

  lost() {
    this.source.close();
    setText(byId('link'), 'Disconnected, tries again');
    setAttribute(byId('link'), 'data-link', 'lost');
    byId('main').classList.add('stale');
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.connect(), this.retryMs);
    this.retryMs = Math.min(retryMsMax, 2 * this.retryMs);
  }
  // A link that is cut says nothing: the hub would, every few seconds.
  watch() {
    if (this.source.readyState !== EventSource.CLOSED && performance.now() - this.heardMs > silenceMs) this.lost();
  }

  // At most once a frame, less often where there is much to draw, and not while nobody looks.
  later() {
    if (this.waiting || document.hidden) return;
    this.waiting = true;
    const restMs = (this.drawn ?? -Infinity) + Object.keys(this.state.members || {}).length - performance.now();
    const draw = () => requestAnimationFrame(() => { this.waiting = false; this.draw(); });
    if (restMs > 0) setTimeout(draw, restMs); else draw();
  }
  draw() {
    this.drawn = performance.now();
    const run = this.state.view;
    if (!run) return setText(byId('about'), 'The hub is starting.');
    const members = inOrder(this.state.members), rounds = inOrder(this.state.rounds);
    showHeader(run, members);
    showFigures(run, members);
    showMembers(members);
    showEvents(run, members, inOrder(this.state.events));
    showFoot(run);
    this.timeline.update(run, members, rounds);
    const restMs = this.drawnCharts + chartsMs - performance.now();
    clearTimeout(this.chartsLater);
    if (restMs > 0) {
      this.chartsLater = setTimeout(() => this.later(), restMs);
      return;
    }
    this.drawnCharts = performance.now();
    this.charts.update(run, this.curves);
  }
}

new Live();
