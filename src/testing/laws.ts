export { type BrokenLaw, type LawName, laws } from './laws/accounts.js';
export {
  type CaseEvent,
  type CaseOptions,
  type CaseResult,
  type CaseSchedule,
  type InterruptCase,
  runCase,
} from './laws/case.js';
export type { HandlerStyle } from './laws/guest-program.js';
export type { GuestOperation, HostOperation } from './laws/operations.js';
