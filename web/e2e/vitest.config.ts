import { defineConfig } from 'vitest/config';

// Before a mock nothing looks at the clock, so that two browsers may share a small machine. The page of the real server is
// looked at alone, after the others: there it is about time.
const shared = { dir: 'e2e', testTimeout: 180_000, hookTimeout: 60_000, isolate: false };

export default defineConfig({
  test: {
    projects: [
      { test: { ...shared, name: 'mock', include: ['**/*.e2e.ts'], exclude: ['**/real.e2e.ts'], maxWorkers: 2, sequence: { groupOrder: 0 } } },
      { test: { ...shared, name: 'real', include: ['**/real.e2e.ts'], maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
});
