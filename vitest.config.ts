import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Pool tests start worker threads from dist and measure themselves; two files at once is what two cores can carry.
    pool: 'forks',
    maxWorkers: 2,
    // Tests that use the engine directly must not report either.
    env: { ORT_DISABLE_TELEMETRY: '1' },
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
})
