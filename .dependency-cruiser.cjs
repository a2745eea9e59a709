/**
 * The rooms of src/, highest first. A room may use the rooms below it, never one above: each rule names what a room must
 * not reach, and says why. observe is below scenarios: it knows records only, and the runner makes its reports with it.
 */
const rooms = ['cli', 'testing', 'scenarios', 'observe', 'cost', 'guest', 'kvm', 'host', 'hardware', 'arch', 'engine'];

const room = (...names) => `^src/(${names.join('|')})/`;

/** Rooms further down that a room must not know either. */
const mustNotKnow = {
  observe: [['guest', 'kvm', 'host', 'hardware'], 'observe reads records only; it must not know how stages work'],
  cost: [['guest', 'kvm', 'host', 'hardware'], 'cost profiles must not know the insides of routines'],
  guest: [['host'], 'guest programs must not know host internals'],
  arch: [['engine'], 'arch is what the SDM says, without engine and time'],
};

const downwards = rooms.slice(1).map((name, i) => ({
  name: `${name}-looks-down-only`,
  comment: `${name} must not use the rooms above it: ${rooms.slice(0, i + 1).join(', ')}`,
  severity: 'error',
  from: { path: room(name) },
  to: { path: room(...rooms.slice(0, i + 1)) },
}));

const unknown = Object.entries(mustNotKnow).map(([name, [others, comment]]) => ({
  name: `${name}-must-not-know`,
  comment,
  severity: 'error',
  from: { path: room(name) },
  to: { path: room(...others) },
}));

module.exports = {
  forbidden: [
    ...downwards,
    ...unknown,
    {
      name: 'cli-uses-front-doors-only',
      comment: 'the command uses what the library exports, and its own files',
      severity: 'error',
      from: { path: room('cli') },
      to: { path: '^src/', pathNot: ['^src/cli/', '^src/((arch|testing|observe)/)?index\\.ts$'] },
    },
    {
      name: 'main-door-is-for-users',
      comment: 'src/index.ts gathers what the rooms offer; only the command, itself a user, imports it',
      severity: 'error',
      from: { path: '^src/', pathNot: room('cli') },
      to: { path: '^src/index\\.ts$' },
    },
    {
      name: 'main-door-without-testing',
      comment: 'the main entry must load without fast-check and the command',
      severity: 'error',
      from: { path: '^src/index\\.ts$' },
      to: { path: room('cli', 'testing') },
    },
    {
      name: 'every-file-in-a-room',
      comment: `files of src/ live in one of its rooms: ${rooms.join(', ')}`,
      severity: 'error',
      from: {},
      to: { path: '^src/', pathNot: [room(...rooms), '^src/index\\.ts$'] },
    },
    {
      name: 'src-stands-alone',
      comment: 'the library must not use its tests or tools',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|scripts)/' },
    },
    {
      name: 'fast-check-in-testing-only',
      comment: 'fast-check is an optional peer of vmx-apic/testing',
      severity: 'error',
      from: { path: '^src/', pathNot: room('testing') },
      to: { path: 'node_modules/fast-check' },
    },
    {
      name: 'arch-without-packages',
      comment: 'vmx-apic/arch needs nothing but itself',
      severity: 'error',
      from: { path: room('arch') },
      to: { dependencyTypes: ['npm', 'npm-dev', 'npm-peer', 'npm-optional'] },
    },
    {
      name: 'node-in-cli-only',
      comment: 'the library runs in browsers as it is; only the command may use Node',
      severity: 'error',
      from: { path: '^src/', pathNot: room('cli') },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'no-cycles',
      comment: 'no file may import itself through others, types included',
      severity: 'error',
      from: { path: '^src/' },
      to: { circular: true },
    },
    {
      name: 'no-unresolvable',
      comment: 'every import must lead somewhere',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'declared-packages-only',
      comment: 'the library uses packages that its users get: dependencies and the optional peer',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev'], dependencyTypesNot: ['npm', 'npm-peer'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] },
    moduleSystems: ['es6', 'cjs'],
  },
};
