import process from 'node:process';
import { models } from '../../src/testing/models/catalogue.js';
import { exploreModel } from '../../src/testing/models/explore-model.js';

// Every model, all of it, with all its invariants: states, and how many a second.

const bound = 2 ** 31;
let states = 0;
let seconds = 0;
for (const model of models) {
  for (const configuration of model.configurations) {
    const { user, system } = process.cpuUsage();
    const result = exploreModel(configuration, { limits: { bytes: bound } });
    const used = process.cpuUsage();
    const spent = (used.user + used.system - user - system) / 1e6;
    states += result.states;
    seconds += spent;
    const end = result.complete ? 'complete' : (result.limit ?? 'broken');
    const rate = Math.round(result.states / spent / 1000);
    console.log(
      `${`${model.name}/${configuration.name}`.padEnd(44)} ${end.padEnd(9)} ${String(result.states).padStart(9)} states ${spent.toFixed(1).padStart(6)} s ${String(rate).padStart(5)} k/s`,
    );
  }
}
console.log(`together ${states} states in ${seconds.toFixed(1)} s: ${Math.round(states / seconds / 1000)} k states/s`);
