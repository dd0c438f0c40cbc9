import { defineConfig } from 'vitest/config';

// One browser at a time: the machines that run this are small, and the tests look at time.
export default defineConfig({
  test: { dir: 'e2e', include: ['**/*.e2e.ts'], fileParallelism: false, testTimeout: 180_000, hookTimeout: 60_000 },
});
