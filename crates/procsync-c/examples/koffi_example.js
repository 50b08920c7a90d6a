// libprocsync from Node.js, by koffi (npm install koffi) and nothing else.
//
//     node koffi_example.js             shows what there is
//     node koffi_example.js hold NAME   holds the mutex NAME until its standard input ends
//     node koffi_example.js try NAME    tries to take it
//
// PROCSYNC_LIBRARY says where libprocsync.so is, if it is not where the system looks.
'use strict';

const assert = require('node:assert');
const koffi = require('koffi');

const library = koffi.load(process.env.PROCSYNC_LIBRARY || 'libprocsync.so');

const FOREVER = -1;
const OK = 0, TIMED_OUT = 1, NOT_OWNER = 5;
const OWNERSHIP_PROCESS = 1, RESET_MANUAL = 0;

// Opaque handles, and the structs that are only ever read by pointer.
for (const name of ['options', 'mutex', 'semaphore', 'event']) koffi.opaque(`procsync_${name}`);
koffi.struct('procsync_error', {
  code: 'int32_t', system_errno: 'int32_t', kind: 'int32_t',
  operation: 'const char *', object: 'const char *', message: 'const char *',
});
koffi.struct('procsync_deceased', {
  pid: 'uint32_t', tid: 'uint32_t', cause: 'int32_t', reserved: 'int32_t', noticed_ns: 'uint64_t',
});
koffi.struct('procsync_permit', { serial: 'uint64_t', index: 'uint32_t', count: 'uint32_t' });

const c = Object.fromEntries([
  'const procsync_error *procsync_last_error(void)',
  'const procsync_deceased *procsync_last_deceased(void)',
  'int32_t procsync_options_new(_Out_ procsync_options **options)',
  'int32_t procsync_options_set_ownership(procsync_options *options, int32_t ownership)',
  'int32_t procsync_options_free(procsync_options *options)',
  'int32_t procsync_mutex_open(const char *name, procsync_options *options, _Out_ procsync_mutex **mutex)',
  'int32_t procsync_mutex_lock(procsync_mutex *mutex, int64_t timeout_ns, _Out_ bool *abandoned)',
  'int32_t procsync_mutex_unlock(procsync_mutex *mutex)',
  'int32_t procsync_mutex_close(procsync_mutex *mutex)',
  'int32_t procsync_semaphore_open(const char *name, uint32_t capacity, procsync_options *options, _Out_ procsync_semaphore **semaphore)',
  'int32_t procsync_semaphore_acquire(procsync_semaphore *semaphore, uint32_t count, int64_t timeout_ns, _Out_ procsync_permit *permit, _Out_ bool *abandoned)',
  'int32_t procsync_semaphore_release(procsync_semaphore *semaphore, _Inout_ procsync_permit *permit)',
  'int32_t procsync_semaphore_close(procsync_semaphore *semaphore)',
  'int32_t procsync_event_open(const char *name, int32_t reset, procsync_options *options, _Out_ procsync_event **event)',
  'int32_t procsync_event_set(procsync_event *event)',
  'int32_t procsync_event_wait(procsync_event *event, int64_t timeout_ns)',
  'int32_t procsync_event_close(procsync_event *event)',
].map((prototype) => [/procsync_(\w+)\(/.exec(prototype)[1], library.func(prototype)]));

class ProcsyncError extends Error {
  constructor() {
    const error = koffi.decode(c.last_error(), 'procsync_error');
    super(error.message);
    this.code = error.code;
  }
}

// A status is 0, or one that the caller expects, or an exception.
function check(status, ...allowed) {
  if (status !== OK && !allowed.includes(status)) throw new ProcsyncError();
  return status;
}

function opened(open, name, ...how) {
  const to = [null];
  check(open(name, ...how, to));
  return to[0];
}

// Owned by the process: a wait that must not block JavaScript runs in a thread of koffi's, and what a
// thread owns could be unlocked there only.
class Mutex {
  constructor(name) {
    const to = [null];
    check(c.options_new(to));
    check(c.options_set_ownership(to[0], OWNERSHIP_PROCESS));
    this.handle = opened(c.mutex_open, name, to[0]);
    check(c.options_free(to[0]));
  }

  // Whether it could be had at once.
  tryLock() {
    const abandoned = [false];
    if (check(c.mutex_lock(this.handle, 0, abandoned), TIMED_OUT) === TIMED_OUT) return false;
    this.abandonedBy = abandoned[0] ? koffi.decode(c.last_deceased(), 'procsync_deceased').pid : null;
    return true;
  }

  // Waits without blocking JavaScript. Errors of the other thread are only known by their number.
  lock() {
    return new Promise((resolve, reject) => {
      c.mutex_lock.async(this.handle, FOREVER, [false], (error, status) => {
        if (error || status !== OK) reject(error || new Error(`procsync status ${status}`));
        else resolve();
      });
    });
  }

  unlock() { check(c.mutex_unlock(this.handle)); }

  close() { check(c.mutex_close(this.handle)); }
}

async function show() {
  const own = `koffi-${process.pid}`;
  const mutex = new Mutex(`${own}-mutex`);
  assert(mutex.tryLock());
  assert.strictEqual(mutex.abandonedBy, null);
  assert(!mutex.tryLock());
  const waiting = mutex.lock();
  setTimeout(() => mutex.unlock(), 20);
  await waiting;
  mutex.unlock();
  assert.throws(() => mutex.unlock(), (error) => {
    console.log(`as it should: ${error.message}`);
    return error.code === NOT_OWNER;
  });
  mutex.close();

  const semaphore = opened(c.semaphore_open, `${own}-semaphore`, 3, null);
  const permit = {};
  check(c.semaphore_acquire(semaphore, 2, FOREVER, permit, [false]));
  assert.strictEqual(permit.count, 2);
  assert.strictEqual(check(c.semaphore_acquire(semaphore, 2, 0, {}, [false]), TIMED_OUT), TIMED_OUT);
  check(c.semaphore_release(semaphore, permit));
  check(c.semaphore_close(semaphore));

  const event = opened(c.event_open, `${own}-event`, RESET_MANUAL, null);
  check(c.event_set(event));
  check(c.event_wait(event, FOREVER));
  check(c.event_close(event));
  console.log('ok');
}

async function main(what, name) {
  if (what === undefined) return show();
  const mutex = new Mutex(name);
  if (what === 'hold') {
    await mutex.lock();
    console.log('held');
    for await (const _ of process.stdin);
    mutex.unlock();
  } else if (mutex.tryLock()) {
    console.log(mutex.abandonedBy === null ? 'got it' : `got it from ${mutex.abandonedBy}, which died`);
    mutex.unlock();
  } else {
    console.log('not to be had');
  }
  mutex.close();
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
