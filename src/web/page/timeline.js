// SPDX-License-Identifier: Apache-2.0
//
// Rounds over time: a row for each member, a bar for each round. A canvas, as thousands of bars move
// a few times a second, and only as high as what is in sight: it stays while the rows scroll. What
// it shows is said for a mouse by a tip, for the keyboard and screen readers by a live text, and
// once more by a table.

const rowHeight = 28, axisHeight = 22, barHeight = 16, lanesMax = 3, heightMax = 562;

class Timeline {
  constructor() {
    this.canvas = byId('timeline');
    this.context = this.canvas.getContext('2d');
    this.tip = byId('tip');
    this.members = [];
    this.rounds = [];
    this.chosen = null;  // {round, row} that the keyboard is at
    this.canvas.addEventListener('pointermove', event => this.hover(event));
    this.canvas.addEventListener('pointerleave', () => this.hide());
    this.canvas.addEventListener('keydown', event => this.key(event));
    this.canvas.addEventListener('blur', () => { this.chosen = null; this.hide(); this.draw(); });
    byId('spans').addEventListener('change', () => this.draw());
    byId('rows').addEventListener('scroll', () => { this.hide(); this.draw(); });
    new ResizeObserver(() => this.draw()).observe(byId('plot'));
  }

  update(run, members, rounds) {
    Object.assign(this, {run, members, rounds});
    this.showLanes();
    this.draw();
    this.showTable();
  }

  showLanes() {
    const lanes = byId('lanes');
    this.members.forEach(([worker, member], i) => {
      const lane = lanes.children[i] || lanes.appendChild(make('div', {}, make('span'), ' ', make('small')));
      setText(lane.children[0], member.site || 'worker');
      setText(lane.children[1], String(worker));
      setAttribute(lane, 'title', `${member.site} · worker ${worker}`);
    });
    while (lanes.children.length > this.members.length) lanes.lastChild.remove();
    byId('plot').style.height = `${axisHeight + rowHeight * this.members.length + 2}px`;
  }

  top(row) { return axisHeight + row * rowHeight - byId('rows').scrollTop; }

  // The last rounds that were opened, with where each lies: rounds that overlap get lanes of their own.
  visible() {
    const wanted = Number(byId('spans').querySelector(':checked').value);
    const shown = this.rounds.filter(([, round]) => isKnown(round.opened_s)).slice(-wanted);
    const ends = [];
    const bars = shown.map(([number, round]) => {
      const end = round.decided_s ?? this.run.now_s;
      let lane = ends.findIndex(free => free <= round.opened_s + 1e-6);
      if (lane < 0) lane = ends.length < lanesMax ? ends.length : ends.indexOf(Math.min(...ends));
      ends[lane] = end;
      return {number, round, lane, end};
    });
    return {bars, lanes: Math.max(1, ends.length)};
  }

  draw() {
    if (!this.run || document.hidden) return;
    const width = byId('plot').clientWidth, height = Math.min(heightMax, axisHeight + rowHeight * this.members.length + 2);
    const scale = window.devicePixelRatio || 1, context = this.context;
    if (this.canvas.width !== Math.round(width * scale) || this.canvas.height !== Math.round(height * scale)) {
      this.canvas.width = Math.round(width * scale);
      this.canvas.height = Math.round(height * scale);
      this.canvas.style.height = `${height}px`;
    }
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    const {bars, lanes} = this.visible();
    const first = bars.length ? bars[0].round.opened_s : this.run.now_s - 60;
    const last = Math.max(this.run.now_s, ...bars.map(bar => bar.end), first + 1);
    this.at = seconds => (seconds - first) / (last - first) * (width - 8);
    this.drawGrid(first, last, width, height);
    this.hits = [];
    const rows = this.members.map((_, row) => row).filter(row => this.top(row) > axisHeight - rowHeight && this.top(row) < height);
    context.save();
    context.beginPath();
    context.rect(0, axisHeight, width, height);
    context.clip();
    context.fillStyle = colour('line');
    for (const row of [...rows, this.members.length]) context.fillRect(0, this.top(row), width, 1);
    for (const bar of bars) this.drawRound(bar, lanes, rows);
    this.drawChosen();
    context.restore();
  }

  drawGrid(first, last, width, height) {
    const context = this.context, ink = colour('soft'), line = colour('line');
    const step = clockSteps.find(size => (last - first) / size <= Math.max(2, width / 110)) || clockSteps.at(-1);
    const zone = new Date(this.run.started_unix_ms).getTimezoneOffset() * 60;
    const start = this.run.started_unix_ms / 1000 - zone;
    context.font = `12px ${getComputedStyle(document.body).fontFamily}`;
    context.textBaseline = 'middle';
    for (let mark = Math.ceil((start + first) / step) * step; mark <= start + last; mark += step) {
      const x = Math.round(this.at(mark - start)) + 0.5;
      context.fillStyle = line;
      context.fillRect(x - 0.5, axisHeight - 3, 1, height - axisHeight + 3);
      context.fillStyle = ink;
      const text = timeOfDay(this.run, mark - start), words = step % 60 ? text : text.slice(0, 5);
      const wide = context.measureText(words).width;
      if (x + wide / 2 < width) context.fillText(words, Math.max(0, x - wide / 2), 8);
    }
  }

  drawRound({number, round, lane, end}, lanes, rows) {
    const counts = new Set(round.members || []), size = (barHeight + (lanes > 1 ? 6 : 0)) / lanes;
    for (const row of rows) {
      const [worker] = this.members[row];
      const reason = (round.absent || {})[worker], arrived = (round.arrivals || {})[worker];
      if (reason === undefined && arrived === undefined && !counts.has(worker) && round.status !== 'open') continue;
      const top = this.top(row) + (rowHeight - size * lanes) / 2 + lane * size + 0.5;
      const area = {left: this.at(round.opened_s), right: Math.max(this.at(end), this.at(round.opened_s) + 2), top, size: size - (lanes > 1 ? 1 : 0)};
      if (reason !== undefined) this.drawAbsent(area, round);
      else this.drawPhases(area, round, arrived, end);
      this.hits.push({number, round, worker, row, ...area});
    }
  }

  drawPhases(area, round, arrived, end) {
    const bad = round.status === 'aborted', closed = round.closed_s ?? end;
    const offer = Math.min(arrived ?? closed, end);
    const parts = [[round.opened_s, offer, bad ? 'bad-work' : 'work'], [offer, Math.max(offer, closed), 'wait'], [Math.max(offer, closed), end, bad ? 'bad-fold' : 'fold']];
    const context = this.context;
    context.save();
    context.beginPath();
    context.roundRect(area.left + 1, area.top, Math.max(2, area.right - area.left - 2), area.size, Math.min(4, area.size / 2));
    context.clip();
    for (const [from, to, name] of parts) {
      if (!(to > from)) continue;
      context.fillStyle = colour(name);
      // What takes no time to see is still there.
      const least = name.endsWith('fold') ? 3 : 0, right = this.at(to), left = Math.min(this.at(from), right - least);
      context.fillRect(left, area.top, right - left, area.size);
    }
    context.restore();
  }

  drawAbsent(area, round) {
    const context = this.context;
    context.strokeStyle = colour(round.status === 'aborted' ? 'bad' : 'soft');
    context.setLineDash([4, 3]);
    context.beginPath();
    context.roundRect(area.left + 1.5, area.top + 0.5, Math.max(2, area.right - area.left - 3), area.size - 1, Math.min(4, area.size / 2));
    context.stroke();
    context.setLineDash([]);
  }

  drawChosen() {
    const hit = this.chosen && this.hits.find(({number, row}) => number === this.chosen.number && row === this.chosen.row);
    if (!hit) return;
    this.context.strokeStyle = colour('ink');
    this.context.lineWidth = 2;
    this.context.strokeRect(hit.left, hit.top - 2, hit.right - hit.left, hit.size + 4);
    this.context.lineWidth = 1;
  }

  // [title, lines] of a bar.
  words({number, round, worker}) {
    const absent = (round.absent || {})[worker], arrived = (round.arrivals || {})[worker], since = round.opened_s;
    const after = seconds => durationText(Math.max(0, seconds - since));
    const lines = [`opened ${timeOfDay(this.run, since)} at step ${grouped(round.step)}: ${(round.channels || []).join(', ')}`];
    if (absent !== undefined) lines.push(`absent: ${absent}`);
    else lines.push(isKnown(arrived) ? `its offer arrived after ${after(arrived)}` : 'its offer is on its way');
    if (isKnown(round.closed_s)) lines.push(`closed after ${after(round.closed_s)} with ${plural((round.members || []).length, 'member')}`);
    if (isKnown(round.decided_s)) lines.push(`${round.status} after ${after(round.decided_s)}`);
    if (round.reason) lines.push(round.reason);
    return [`Round ${grouped(number)}, ${nameOf(this.members, worker)}`, lines];
  }

  show(hit) {
    const [title, lines] = this.words(hit);
    this.tip.replaceChildren(make('b', {}, title), lines.join('\n'));
    this.tip.hidden = false;
    const canvas = this.canvas.getBoundingClientRect(), card = byId('timeline-card').getBoundingClientRect();
    const x = Math.min(canvas.left - card.left + hit.left, card.width - this.tip.offsetWidth - 12);
    const y = canvas.top - card.top + hit.top + hit.size + 8;
    this.tip.style.transform = `translate(${Math.max(12, x)}px, ${y}px)`;
    return `${title}: ${lines.join(', ')}`;
  }
  hide() { this.tip.hidden = true; }

  hover({offsetX, offsetY}) {
    const row = offsetY < axisHeight ? -1 : Math.floor((offsetY - this.top(0)) / rowHeight);
    const over = (this.hits || []).filter(hit => hit.row === row && offsetX >= hit.left && offsetX <= hit.right);
    const hit = over.find(({top, size}) => offsetY >= top && offsetY <= top + size) || over.at(-1);
    if (hit) this.show(hit); else this.hide();
  }

  key(event) {
    const hits = this.hits || [];
    if (event.key === 'Escape') return this.hide();
    if (!event.key.startsWith('Arrow') || !hits.length) return;
    event.preventDefault();
    const at = this.chosen || {number: hits.at(-1).number, row: hits[0].row};
    const numbers = [...new Set(hits.map(hit => hit.number))];
    const by = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key];
    const column = Math.max(0, numbers.indexOf(at.number)) + (this.chosen ? by[0] : 0);
    this.chosen = {number: numbers[Math.min(Math.max(column, 0), numbers.length - 1)],
      row: Math.min(Math.max(at.row + (this.chosen ? by[1] : 0), 0), this.members.length - 1)};
    this.bringInSight(this.chosen.row);
    this.draw();
    const hit = this.hits.find(({number, row}) => number === this.chosen.number && row === this.chosen.row);
    setText(byId('said'), hit ? this.show(hit) : 'not expected in this round');
    if (!hit) this.hide();
  }

  bringInSight(row) {
    const rows = byId('rows'), over = axisHeight - this.top(row), under = this.top(row) + rowHeight - rows.clientHeight;
    if (over > 0) rows.scrollTop -= over;
    else if (under > 0) rows.scrollTop += under;
  }

  showTable() {
    const body = byId('round-rows');
    if (!body.closest('details').open) return;
    const rows = this.rounds.slice(-12).reverse().map(([number, round]) => {
      const absent = inOrder(round.absent).map(([worker, why]) => `${nameOf(this.members, worker)}: ${why}`);
      if (round.reason) absent.unshift(round.reason);
      const took = (round.decided_s ?? this.run.now_s) - round.opened_s;
      return [grouped(number), grouped(round.step), round.status, isKnown(round.opened_s) ? timeOfDay(this.run, round.opened_s) : '–', durationText(took),
        grouped((round.members || []).length), bytesText(round.up_bytes + round.result_bytes * (round.members || []).length), absent.join('; ')];
    });
    rows.forEach((cells, i) => {
      const row = body.children[i] || body.appendChild(make('tr', {}, ...cells.map((_, j) => make('td', {class: j === 2 || j === 7 ? 'text' : ''}))));
      cells.forEach((text, j) => setText(row.children[j], text));
    });
    while (body.children.length > rows.length) body.lastChild.remove();
  }
}
