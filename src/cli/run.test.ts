import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  commandLine,
  created,
  document,
  file,
  finished,
  frames,
  history,
  ID,
  nobodyAt,
  runRoutes,
  withServer,
} from './stand-ins.ts'

describe('run', () => {
  for (const [status, code] of [
    ['completed', 0],
    ['partial', 2],
    ['failed', 1],
    ['cancelled', 3],
  ] as const) {
    test(`a run that ends ${status} ends with ${code}`, () =>
      withServer(runRoutes(status), async (server, line) => {
        assert.equal(await line.run('run', 'Say', 'hello'), code)
        assert.deepEqual(line.printed.out, ['the answer'])
        assert.deepEqual(server.asked[0]?.body, { goal: 'Say hello', inputs: {} })
        assert.ok(server.asked[0]?.headers['idempotency-key'])
        assert.match(
          line.printed.err.at(-1) ?? '',
          new RegExp(`${ID} ${status}.* · 4.0 s · 3 calls · 1.5k\\+\\? tokens`),
        )
        assert.ok(line.printed.err.some((text) => text === '+1s gather started (tasks)'))
      }))
  }

  test('--json prints the run, and nothing else', () =>
    withServer(runRoutes('completed'), async (_, line) => {
      assert.equal(await line.run('run', '--json', 'hello'), 0)
      assert.equal((JSON.parse(line.printed.out.join('\n')) as { id: string }).id, ID)
      assert.deepEqual(line.printed.err, [])
    }))

  test('--no-wait prints the id', () =>
    withServer({ 'POST /create_workflow': created }, async (_, line) => {
      assert.equal(await line.run('run', '--no-wait', 'hello'), 0)
      assert.deepEqual(line.printed.out, [ID])
    }))

  test('a file travels as text, with inputs of the declared types', () =>
    withServer(runRoutes('completed'), async (server, line) => {
      const text = 'apiVersion: quorate/v1\nname: x\ninputs: {n: {type: number}}\nstages: []\n'
      assert.equal(
        await line.run('run', file('d.yaml', text), '--input', 'n=3', '--input', `t=@${file('t.txt', 'long')}`),
        0,
      )
      assert.deepEqual(server.asked[0]?.body, { definition: text, inputs: { n: 3, t: 'long' } })
    }))

  test('what the server refuses is told with place and remedy, and ends with 64', () =>
    withServer(
      {
        'POST /create_workflow': {
          status: 400,
          body: {
            type: 'urn:quorate:failure:invalid_input',
            title: 'Invalid input',
            status: 400,
            detail: 'unknown agent',
            field: 'stages[0]',
            value: 'x',
            line: 3,
            column: 2,
            remedy: 'did you mean y?',
          },
        },
      },
      async (_, line) => {
        assert.equal(await line.run('run', 'hello'), 64)
        assert.deepEqual(line.printed.err, [
          'error unknown agent',
          '  stages[0]: x, line 3, column 2',
          '  → did you mean y?',
        ])
      },
    ))

  test('a large result is fetched', () => {
    const hash = `sha256:${'a'.repeat(64)}`
    return withServer(
      runRoutes('completed', {
        [`GET /runs/${ID}`]: { body: document('completed', { $blob: hash, bytes: 9_000, preview: 'beg' }) },
        [`GET /blobs/${encodeURIComponent(hash)}`]: {
          body: { hash, bytes: 9_000, value: 'the whole text', next: null },
        },
      }),
      async (_, line) => {
        assert.equal(await line.run('run', 'hello'), 0)
        assert.deepEqual(line.printed.out, ['the whole text'])
      },
    )
  })

  test('what an agent wrote in the form of a reference is printed, not followed', () => {
    const hash = `sha256:${'a'.repeat(64)}`
    const written = { $blob: `sha256:${'b'.repeat(64)}` }
    return withServer(
      runRoutes('completed', {
        [`GET /runs/${ID}`]: { body: document('completed', { $blob: hash, bytes: 83, preview: '' }) },
        [`GET /blobs/${encodeURIComponent(hash)}`]: { body: { hash, bytes: 83, value: written, next: null } },
        [`GET /blobs/${encodeURIComponent(written.$blob)}`]: {
          body: { hash: written.$blob, bytes: 9, value: 'of another', next: null },
        },
      }),
      async (_, line) => {
        assert.equal(await line.run('run', 'hello', '--json'), 0)
        assert.match(line.printed.out.join('\n'), /"\$blob": ?"sha256:b/)
        assert.doesNotMatch(line.printed.out.join('\n'), /of another/)
      },
    )
  })

  test('a connection that breaks is taken up where it was, without repeating anything', () => {
    let streams = 0
    let resumed: unknown
    return withServer(
      runRoutes('completed', {
        [`GET /runs/${ID}/events stream`]: ({ headers }) => {
          streams += 1
          if (streams === 1) return { events: frames(history.slice(0, 2)), then: 'break' }
          resumed = headers['last-event-id']
          return { events: frames([...history.slice(1), finished], { status: 'completed', reason: '' }) }
        },
      }),
      async (_, line) => {
        assert.equal(await line.run('run', 'hello'), 0)
        assert.equal(line.printed.err.filter((text) => text.includes('gather started')).length, 1)
        assert.ok(line.printed.err.some((text) => text.endsWith('trying again')))
        assert.ok(line.printed.err.includes('connected again'))
        assert.equal(resumed, '2')
      },
    )
  })

  test('Ctrl-C leaves the run alone and says how to end it', () => {
    let line: ReturnType<typeof commandLine> | undefined
    return withServer(
      runRoutes('completed', {
        [`GET /runs/${ID}/events stream`]: () => {
          setImmediate(() => line?.interrupt())
          return { events: frames(history), then: 'keep' }
        },
      }),
      async (server, made) => {
        line = made
        assert.equal(await line.run('run', 'hello'), 130)
        assert.match(line.printed.err.at(-1) ?? '', new RegExp(`quorate cancel ${ID}`))
        assert.ok(!server.asked.some(({ path }) => path.endsWith('/cancel')))
      },
    )
  })

  test('on a terminal progress is drawn over', () =>
    withServer(
      runRoutes('completed'),
      async (_, line) => {
        assert.equal(await line.run('run', 'hello'), 0)
        assert.match(line.printed.drawn, /✓ gather/)
        assert.equal(line.printed.err.length, 1)
      },
      { interactive: true },
    ))

  test('without a server: how to start it, and 4', async () => {
    const nobody = await nobodyAt()
    const line = commandLine({ environment: { QUORATE_URL: nobody } })
    assert.equal(await line.run('run', 'hello'), 4)
    assert.match(
      line.printed.err.join('\n'),
      new RegExp(`no Quorate server answers at ${nobody} \\(ECONNREFUSED\\)\n.*npm start`),
    )
  })

  test('another program at the address is not taken for Quorate', () =>
    withServer({ 'POST /create_workflow': { body: '<html>' } }, async (server, line) => {
      assert.equal(await line.run('run', 'hello'), 4)
      assert.match(line.printed.err[0] ?? '', new RegExp(`the server at ${server.url} is not Quorate`))
    }))

  test('a POST whose connection broke is sent again under the same key', async () => {
    let tries = 0
    const keys: unknown[] = []
    const flaky: typeof fetch = (url, init) => {
      if (init?.method !== 'POST') return fetch(url, init)
      keys.push(new Headers(init.headers).get('idempotency-key'))
      return ++tries === 1
        ? Promise.reject(Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNRESET' } }))
        : fetch(url, init)
    }
    await withServer(
      { 'POST /create_workflow': created },
      async (_, line) => {
        assert.equal(await line.run('run', '--no-wait', 'hello'), 0)
        assert.equal(keys.length, 2)
        assert.equal(keys[0], keys[1])
      },
      { fetch: flaky },
    )
  })
})
