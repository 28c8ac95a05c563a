"use strict";
// Trains in the page: WebAssembly made by the code generation that trains in Python, one step after
// the other, with the same rows, rates and random numbers. So weights have the same bits.
// `plan` says where everything stands in the module's memory; nothing is allocated here.

const NOT_FINITE_DATA = 1;

async function inflated(text) {
  const packed = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

const VIEWS = {
  float32: Float32Array, float64: Float64Array, int8: Int8Array, int16: Int16Array,
  int32: Int32Array, int64: BigInt64Array, uint8: Uint8Array, uint16: Uint16Array,
  uint32: Uint32Array, uint64: BigUint64Array, bool: Uint8Array,
};

class Engine {
  static async of(plan) {
    const { instance } = await WebAssembly.instantiate(await inflated(plan.code), {});
    return new Engine(plan, instance.exports);
  }

  constructor(plan, code) {
    this.plan = plan;
    this.code = code;
    this.buffer = code.memory.buffer;
    this.words = new Uint32Array(this.buffer);
    const [begin, end] = plan.start;
    this.start = this.buffer.slice(begin, end);
    this.order = new BigInt64Array(this.buffer, plan.train.order, plan.train.rows);
    this.reset();
  }

  // The array `name` as it stands in memory: a view, not a copy.
  array(name) {
    const { address, dtype, shape } = this.plan.arrays[name];
    return new VIEWS[dtype](this.buffer, address, shape.reduce((a, b) => a * b, 1));
  }

  // Weights, optimizer and random numbers as they were when the file was made.
  reset() {
    new Uint8Array(this.buffer).set(new Uint8Array(this.start), this.plan.start[0]);
    this.epoch = this.batch = this.steps = 0;
    this.sums = null;
    this.scale = 1; // what the rates are multiplied by
    this.drawn = -1; // the epoch that `order` is of
    this.history = []; // of each epoch: the mean of each measure, then those of validation
    this.last = null; // the measures of the last step
    this.halted = "";
  }

  get perEpoch() {
    return Math.ceil(this.plan.train.rows / this.plan.train.batch);
  }

  get finished() {
    return this.plan.epochs !== null && this.epoch >= this.plan.epochs;
  }

  rate(step = this.steps) {
    const { rates } = this.plan;
    return (rates.constant ?? this.array(rates.table)[step]) * this.scale;
  }

  word(address, value) {
    this.words[address >> 2] = value;
    this.words[(address >> 2) + 1] = 0;
  }

  // At most `count` steps, to the end of the epoch. Returns how many were done.
  run(count) {
    if (this.finished || this.halted) return 0;
    const { train } = this.plan;
    if (this.drawn !== this.epoch) {
      const key = train.key.map(BigInt);
      this.code.shuffle(train.order, BigInt(train.rows), BigInt(this.epoch), 0n, ...key);
      this.drawn = this.epoch;
    }
    const steps = Math.min(count, train.most, this.perEpoch - this.batch);
    const first = this.batch * train.batch;
    const rows = Math.min(steps * train.batch, train.rows - first);
    const values = this.array("values");
    for (let i = 0; i < steps; i++) values[i] = this.rate(this.steps + i);
    const whole = Math.floor(rows / train.batch);
    const control = [train.slots, train.order + 8 * first, train.batch, whole,
      rows - whole * train.batch, train.values, train.measures, 0, ...train.data];
    control.forEach((value, place) => this.word(train.control + 8 * place, value));
    for (let place = 0; place < 8; place++) this.words[(train.status >> 2) + place] = 0;
    try {
      this.code.train(train.control, 0n, 1n);
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      this.halted = "far"; // see codegen/web_functions.py
      return 0;
    }
    const done = this.words[(train.control >> 2) + 2 * 7];
    const halt = this.words[(train.status >> 2) + 4];
    if (this.words[train.status >> 2]) this.halted = "refused";
    else if (halt) this.halted = halt === NOT_FINITE_DATA ? "data" : "loss";
    this.record(done, first);
    return done;
  }

  // The sums of the epoch, in the order that Python adds them.
  record(done, first) {
    const { train, measures } = this.plan;
    const found = this.array("measures");
    this.sums ??= measures.map(() => 0);
    for (let i = 0; i < done; i++) {
      const rows = Math.min(train.batch, train.rows - first - i * train.batch);
      this.last = measures.map((_, k) => found[i * measures.length + k]);
      if (!Number.isFinite(this.last[0])) {
        this.halted = "loss";
        return;
      }
      this.last.forEach((value, k) => { this.sums[k] += value * rows; });
    }
    this.steps += done;
    this.batch += done;
    if (this.batch === this.perEpoch) {
      const means = this.sums.map((sum) => sum / train.rows);
      this.history.push([...means, ...(this.plan.evaluate ? this.validation() : [])]);
      this.sums = null;
      this.batch = 0;
      this.epoch += 1;
    }
  }

  // `count` steps or fewer, over the ends of epochs.
  advance(count) {
    let done = 0;
    while (done < count) {
      const now = this.run(count - done);
      done += now;
      if (!now || this.halted) break;
    }
    return done;
  }

  call(name, slots, rows) {
    this.code[name](slots, BigInt(rows), 1n, 0n, 1n);
  }

  // Loss and metrics of the validation data.
  validation() {
    const { evaluate } = this.plan;
    const totals = evaluate.sums.map(() => 0);
    for (let start = 0; start < evaluate.rows; start += evaluate.chunk) {
      for (const [place, address, bytes] of evaluate.data) {
        this.words[place >> 2] = address + start * bytes;
      }
      this.call("evaluate", evaluate.slots, Math.min(evaluate.chunk, evaluate.rows - start));
      evaluate.sums.forEach((name, k) => { totals[k] += this.array(name)[0]; });
    }
    const means = totals.map((total) => total / evaluate.rows);
    if (evaluate.penalty) means[0] += this.array(evaluate.penalty)[0];
    return means;
  }

  // The outputs for rows of two features: a view that the next call writes over.
  predict(points) {
    const { predict, arrays } = this.plan;
    const rows = points.length / 2;
    const width = arrays.outputs.shape[1] ?? 1;
    this.array("grid").set(points);
    this.call("predict", predict.slots, rows);
    return this.array("outputs").subarray(0, rows * width);
  }
}
