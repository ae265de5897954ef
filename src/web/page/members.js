// SPDX-License-Identifier: Apache-2.0
//
// Header, figures, the table of members, and events.

const looks = {training: 'good', joining: 'accent', following: 'warn', gone: 'bad', expected: 'quiet'};

function showHeader(run, members) {
  setText(byId('run'), run.run || 'unnamed run');
  const [state, look] = run.halted ? ['Halted', 'bad'] : run.finished ? ['Finished', 'good'] :
    members.some(([, member]) => member.status === 'training') ? ['Running', 'accent'] : ['Waits for members', 'warn'];
  setText(byId('state'), state);
  setAttribute(byId('state'), 'data-look', look);
  const sites = new Set(members.map(([, member]) => member.site)).size;
  setText(byId('about'), [run.method, `${plural(members.length, 'worker')} at ${plural(sites, 'site')}`,
    `${countText(run.parameters)} parameters`, `hub up ${durationText(run.now_s)}`].join(' · '));
  byId('halted').hidden = !run.halted;
  setText(byId('halted'), run.halted ? `Nothing is decided any more: ${run.halted}` : '');
  const percent = run.steps > 0 ? Math.min(100, 100 * run.decided_step / run.steps) : 0;
  document.title = `${Math.floor(percent)} % ${run.run} – Causeway`;
}

function showFigures(run, members) {
  const percent = run.steps > 0 ? Math.min(100, 100 * run.decided_step / run.steps) : 0;
  setText(byId('step'), grouped(run.decided_step));
  setText(byId('steps'), `of ${grouped(run.steps)}`);
  byId('bar').firstChild.style.width = `${percent.toFixed(2)}%`;
  setAttribute(byId('bar'), 'aria-valuenow', String(Math.floor(percent)));
  const left = isKnown(run.seconds_left) ? `, ${durationText(run.seconds_left)} left` : '';
  setText(byId('left'), `${percent.toFixed(percent < 10 ? 1 : 0)} % decided${run.finished || run.halted ? '' : left}`);

  setText(byId('round'), grouped(run.decided_round));
  setText(byId('rounds'), run.rounds > 0 ? `of ${grouped(run.rounds)}` : '');
  setText(byId('decided'), run.aborted > 0 ? `${grouped(run.aborted)} aborted` : 'none aborted');

  const count = status => members.filter(([, member]) => member.status === status).length;
  setText(byId('present'), grouped(count('training')));
  setText(byId('expected'), `of ${grouped(members.length)}`);
  const others = ['joining', 'following', 'gone', 'expected'].filter(status => count(status));
  setText(byId('absent'), others.map(status => `${count(status)} ${status}`).join(', ') || 'nobody is missing');

  const sent = run.up_bytes + run.down_bytes;
  setText(byId('sent'), bytesText(sent));
  const beside = besideText(sent, run.ddp_bytes);
  setText(byId('beside'), beside ? `${beside} DDP` : 'payload since the hub started');
  const now = field => members.reduce((sum, [, member]) => sum + (member[field] || 0), 0);
  setText(byId('up'), `↑ ${rateText(now('up_bytes_per_s'))}`);
  setText(byId('down'), `↓ ${rateText(now('down_bytes_per_s'))}`);
}

function showFoot(run) {
  const starts = run.hub_starts > 1 ? `, start ${run.hub_starts}` : '';
  setText(byId('foot'), [`Causeway ${run.version}`, `hub started ${new Date(run.started_unix_ms).toLocaleString([], {hourCycle: 'h23'})}${starts}`,
    `memory ${bytesText(run.resident_bytes)}`, `spool ${bytesText(run.spool_bytes)} of ${bytesText(run.spool_bytes_max)}`,
    `log ${bytesText(run.log_bytes)}`].join(' · '));
}

const memberColumns = ['Member', 'Status', 'Step', 'Loss', 'Tokens/s', 'Sent up', 'Sent down', 'Link now', 'Round trip', 'Heard'];

// Each cell has a first and a second line.
function memberRow(worker) {
  const row = make('tr', {role: 'row', 'data-worker': worker});
  memberColumns.forEach((name, i) => row.append(make('td', {role: 'cell', 'data-name': name, class: i < 2 ? 'text' : ''},
    make(i === 0 ? 'b' : 'span', i === 1 ? {class: 'pill'} : {}), make('small'))));
  return row;
}

// [first line, second line, class of the first] for each column.
function memberCells(worker, member, ahead) {
  const absent = member.status === 'gone' || member.status === 'expected';
  const behind = ahead - member.step;
  const diverged = member.loss_finite === false;
  return [
    [member.site || `worker ${worker}`, [`worker ${worker}`, member.address].filter(Boolean).join(' · ')],
    [member.status, member.reason, 'pill'],
    [grouped(member.step), absent || behind <= 0 ? '' : `${grouped(behind)} behind`],
    [diverged ? 'not finite' : lossText(member.loss), '', diverged ? 'bad' : ''],
    [member.tokens_per_s > 0 ? countText(member.tokens_per_s) : '–', ''],
    [bytesText(member.up_bytes), ''],
    [bytesText(member.down_bytes), ''],
    absent ? ['–', ''] : [`↑ ${rateText(member.up_bytes_per_s)}`, `↓ ${rateText(member.down_bytes_per_s)}`],
    [absent ? '–' : tripText(member.round_trip_ms), ''],
    [member.status === 'expected' ? 'never' : durationText(member.heard_s_ago), '', !absent && member.heard_s_ago > 10 ? 'far' : ''],
  ];
}

function showMembers(members) {
  const body = byId('member-rows');
  const ahead = Math.max(0, ...members.map(([, member]) => member.step));
  members.forEach(([worker, member], index) => {
    let row = body.children[index];
    if (!row || row.dataset.worker !== String(worker)) body.insertBefore(row = memberRow(worker), body.children[index] || null);
    memberCells(worker, member, ahead).forEach(([first, second, look = ''], i) => {
      const [upper, lower] = row.children[i].children;
      setText(upper, first);
      setAttribute(upper, 'class', look);
      setText(lower, second || '');
      setAttribute(lower, 'title', second || '');
    });
    setAttribute(row.children[1].firstChild, 'data-look', looks[member.status] || 'quiet');
  });
  while (body.children.length > members.length) body.lastChild.remove();
}

function nameOf(members, worker) {
  if (worker < 0) return 'hub';
  const member = members.find(([number]) => number === worker);
  return member && member[1].site ? `${member[1].site} · ${worker}` : `worker ${worker}`;
}

// The numbers of those in the list, which is made anew only where it differs; null: whatever it has is old.
let eventsShown = null;

function showEvents(run, members, events) {
  const list = byId('events'), wanted = events.map(([number]) => number).reverse();
  if (eventsShown && wanted.length === eventsShown.length && wanted.every((number, i) => number === eventsShown[i])) return;
  eventsShown = wanted;
  list.replaceChildren(...events.reverse().map(([, event]) => make('li', {},
    make('time', {}, timeOfDay(run, event.at_s)),
    make('span', {class: 'who'}, nameOf(members, event.worker)),
    make('span', {class: 'what'}, event.text))));
  if (!events.length) list.append(make('li', {class: 'none'}, 'Nothing yet.'));
}
