// SPDX-License-Identifier: Apache-2.0
//
// Words as people read them, and the few ways in which anything enters the page. What comes from
// the run is hostile: it becomes text, never markup.

const scaled = (value, units) => {
  let unit = 0;
  while (unit + 1 < units.length && value >= (unit ? 999.5 : 1000)) { value /= 1000; ++unit; }
  return (unit === 0 || value >= 99.95 ? value.toFixed(0) : value.toFixed(1)) + units[unit];
};
const isKnown = value => typeof value === 'number' && Number.isFinite(value);
const bytesText = value => isKnown(value) ? scaled(value, [' B', ' kB', ' MB', ' GB', ' TB', ' PB']) : '–';
const rateText = value => isKnown(value) && value >= 1 ? `${bytesText(value)}/s` : '0 B/s';
const countText = value => isKnown(value) ? scaled(value, ['', 'k', 'M', 'B', 'T']) : '–';
const grouped = value => isKnown(value) ? value.toLocaleString('en-US') : '–';
const plural = (count, noun) => `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;
const lossText = value => isKnown(value) ? value.toFixed(value < 99.95 ? 3 : 1) : '–';
const besideText = (bytes, other) => {
  if (!(bytes > 0 && other > 0)) return '';
  const less = other / bytes, times = Math.max(less, 1 / less);
  if (times < 1.05) return 'as much as';
  return `${times < 9.95 ? times.toFixed(1) : grouped(Math.round(times))}× ${less > 1 ? 'less' : 'more'} than`;
};
const durationText = seconds => {
  if (!isKnown(seconds) || seconds < 0) return '–';
  if (seconds < 59.5) return seconds < 9.95 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds)} s`;
  const whole = Math.round(seconds), minutes = Math.round(seconds / 60), hours = Math.round(seconds / 3600);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
};
const tripText = ms => isKnown(ms) && ms > 0 ? `${ms < 9.95 ? ms.toFixed(1) : Math.round(ms)} ms` : '–';

const byId = id => document.getElementById(id);
// Only where it differs: a screen reader, a selection and the layout are left alone otherwise.
const setText = (node, text) => { if (node.textContent !== text) node.textContent = text; };
const setAttribute = (node, name, value) => { if (node.getAttribute(name) !== value) node.setAttribute(name, value); };
const make = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
};
const colour = name => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const curveColour = index => `c${index % 8}`;

// Lists that the hub sends are objects by number.
const inOrder = object => Object.keys(object || {}).map(Number).sort((a, b) => a - b).map(number => [number, object[number]]);

// Seconds since the hub started, as a time of day here.
const timeOfDay = (run, seconds) => new Date(run.started_unix_ms + 1000 * seconds).toLocaleTimeString([], {hourCycle: 'h23'});
// Seconds between two marks of an axis of time.
const clockSteps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 43200, 86400, 604800];
