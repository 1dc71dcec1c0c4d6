/** The commands of README.md that need a model, on the small one, which is fetched once (98 MB). Some minutes. */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { openWorkshop, shellBlocks } from '../docs/workshop.ts'
import { freePort } from '../e2e/running-product.ts'

describe('README.md on a real model', async () => {
  const workshop = openWorkshop(await freePort(), null)
  after(workshop.close)
  const blocks = shellBlocks('README.md')
  const first = blocks.find(({ mark }) => mark === 'start')
  const model = blocks.filter(({ mark }) => mark === 'model')
  assert.ok(first && model.length > 0)

  test(first.text, () => workshop.start(first.text))
  for (const { line, text } of model)
    test(`README.md:${line} ${text}`, async () => {
      const { status, out, err } = await workshop.run(text)
      console.log(`${err}\n${out}`)
      // 2: a small model may fail at a stage; the run says so, and ends all the same.
      assert.ok(status === 0 || status === 2, `${status}\n${out}\n${err}`)
      assert.ok(out.trim().length > 0, 'there is a result')
      assert.match(err, /run_[0-9a-f-]{36} (completed|partial)/)
    })
})
