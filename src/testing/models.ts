export { findConfiguration, models } from './models/catalogue.js';
export { type ExploreModelOptions, exploreModel } from './models/explore-model.js';
export type { Model, ModelConfiguration } from './models/model.js';
export { type ModelRecording, recordModel, scheduleChart } from './models/record-model.js';
export { type ModelRun, type ModelStep, modelSchedulers, runModel } from './models/run-model.js';
