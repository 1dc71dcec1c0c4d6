import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { amountText, moneyOf } from './amounts.ts'
import { estimate, LEAST_OUTPUT, tokensOf, USUAL_OUTPUT } from './estimate.ts'
import { costOf, dearest, priceOf } from './prices.ts'

describe('prices', () => {
  test('a price for a million tokens is the millionths of one token; fractions of a millionth are rounded up', () => {
    assert.equal(costOf({ input: 3, output: 15 }, 1_000_000, 0), moneyOf(3))
    assert.equal(costOf({ input: 3, output: 15 }, 1_000, 200), 3_000 + 3_000)
    assert.equal(costOf({ input: 0.000001, output: 0 }, 1, 0), 1)
    assert.equal(costOf({ input: 0, output: 0 }, 1e9, 1e9), 0)
  })

  test('many small calls cost what they cost together, but for the rounding of each', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5_000), { maxLength: 50 }), fc.nat(100_000_000), (calls, price) => {
        const of = { input: price / 1e6, output: 0 }
        const single = calls.reduce((sum, tokens) => sum + costOf(of, tokens, 0), 0)
        const together = costOf(
          of,
          calls.reduce((a, b) => a + b, 0),
          0,
        )
        assert.ok(Number.isSafeInteger(single) && single >= together && single <= together + calls.length)
      }),
    )
  })

  test('the nearest name of a model counts; one that is not named is never taken for free', () => {
    const table = { 'a/big': { input: 10, output: 30 }, small: { input: 1, output: 2 }, 'b/*': { input: 4, output: 4 } }
    assert.deepEqual(priceOf(table, 'a/big', []), { price: { input: 10, output: 30 }, known: true })
    assert.equal(priceOf(table, 'x/small', []).price.input, 1)
    assert.equal(priceOf(table, 'b/other', []).price.input, 4)
    assert.deepEqual(priceOf(table, 'local/any', ['local']).price, { input: 0, output: 0 })
    assert.deepEqual(priceOf(table, 'x/other', ['local']), { price: { input: 10, output: 30 }, known: false })
    assert.equal(priceOf({ ...table, '*': { input: 7, output: 7 } }, 'x/other', []).price.input, 7)
    assert.deepEqual(priceOf({}, 'x/other', []).price, dearest({}))
    assert.equal(priceOf(table, '__proto__', []).known, false)
  })
})

describe('estimates', () => {
  test('an answer gets what is left, and a call with too little left asks for more than there is', () => {
    const of = { prompt_tokens: 1_000, max_output_tokens: null, price: { input: 0, output: 0 } }
    assert.equal(estimate({ ...of, left: null }).max_output_tokens, USUAL_OUTPUT)
    assert.equal(estimate({ ...of, left: 2_000 }).amounts.tokens, 2_000)
    const little = estimate({ ...of, left: 1_050 })
    assert.equal(little.amounts.tokens, 1_000 + LEAST_OUTPUT)
  })

  test('texts of few characters for each token are not underestimated', () => {
    assert.ok(tokensOf('日本語のテキスト') >= 8)
    assert.equal(tokensOf('abcdef'), 2)
  })

  test('amounts read as people write them', () => {
    assert.equal(amountText('money', 1_250_000), '1.25 of money')
    assert.equal(amountText('calls', 1), '1 call')
    assert.equal(amountText('tokens', 12_345), '12,345 tokens')
  })
})
