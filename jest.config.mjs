// One configuration for every suite; a suite is a folder under test/. Tests run as ES modules on the project's own Node.
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  // Generous: a loaded machine is no reason to fail.
  testTimeout: 60_000,
  testMatch: ['**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2023', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
};
