// SPDX-License-Identifier: Apache-2.0
//
// The curves as the hub keeps them: whole at first, then what is new. The hub bounds them.

class LossCurve {
  constructor() { this.points = new Map(); }

  // numbers: step, mean, step, mean, ...; each replaces the point of its window.
  change(whole, windowSteps, numbers) {
    if (whole) this.points.clear();
    for (let i = 0; i < numbers.length; i += 2)
      this.points.set(Math.floor((numbers[i] - 1) / windowSteps), [numbers[i], numbers[i + 1]]);
  }
  // [steps, means], ascending.
  columns() {
    const points = [...this.points.values()].sort((a, b) => a[0] - b[0]);
    return [points.map(point => point[0]), points.map(point => point[1])];
  }
}

const trafficFields = ['at', 'up', 'down', 'ddp', 'upRate', 'downRate'];

class Curves {
  constructor() { this.clear(); }

  clear() {
    this.sites = [];
    this.loss = [];
    this.traffic = trafficFields.map(() => []);
  }
  // What `start` and `change` events have; true where something changed.
  change({sites, loss = [], traffic}) {
    if (sites) this.sites = sites;
    while (this.loss.length < this.sites.length) this.loss.push(new LossCurve());
    for (const [site, whole, windowSteps, numbers] of loss) this.loss[site].change(whole, windowSteps, numbers);
    if (traffic) this.addTraffic(...traffic);
    return Boolean(sites || loss.length || traffic);
  }
  addTraffic(whole, numbers) {
    if (whole) this.traffic = trafficFields.map(() => []);
    numbers.forEach((number, i) => this.traffic[i % trafficFields.length].push(number));
  }
}
