import 'dart:io';
import 'dart:isolate';

import 'package:procsync/procsync.dart';
import 'package:test/test.dart';

class Other extends NativeSemaphore {
  Other(super.name);
}

bool _tries(String name) {
  final semaphore = NativeSemaphore.instantiate(name: name);
  return semaphore.open() && semaphore.lock(blocking: false);
}

void main() {
  var next = 0;
  String name() => 'dart-$pid-${next++}';

  test('the life cycle, with layers', () {
    final semaphore = NativeSemaphore.instantiate(name: name());
    expect(semaphore.lock(), isFalse);
    expect(semaphore.lastError!.message, contains('open it first'));
    expect(semaphore.open(), isTrue);
    for (var depth = 1; depth <= 4; depth++) {
      expect(semaphore.lock(blocking: depth.isOdd), isTrue);
      expect((semaphore.counter.isolate, semaphore.counter.process), (depth, 1));
    }
    expect(semaphore.reentrant, isTrue);
    expect(semaphore.close(), isFalse);
    for (var depth = 3; depth >= 0; depth--) {
      expect(semaphore.unlock(), isTrue);
      expect((semaphore.counter.isolate, semaphore.counter.process), (depth, depth > 0 ? 1 : 0));
    }
    expect(semaphore.unlock(), isFalse);
    expect(semaphore.close(), isTrue);
    expect(semaphore.unlink(), isTrue);
    expect(semaphore.lastError, isNull);
    expect(semaphore.free(), isTrue);
  });

  test('another isolate is excluded', () async {
    final semaphore = NativeSemaphore.instantiate(name: name());
    expect(semaphore.open() && semaphore.lock(), isTrue);
    final taken = semaphore.name;
    expect(await Isolate.run(() => _tries(taken)), isFalse);
    // Not unlocked here: after an `await` this may be another thread. The end of the test takes it along.
  });

  test('one instance for each name', () {
    final taken = name();
    final semaphore = NativeSemaphore.instantiate(name: '/$taken');
    expect(NativeSemaphore.instantiate(name: 'Global\\$taken'), same(semaphore));
    expect(() => NativeSemaphore.instantiate<Other>(name: taken, create: Other.new), throwsArgumentError);
  });

  test('a name that cannot be is told', () {
    expect(() => NativeSemaphore('a:b'), throwsA(isA<ProcsyncException>()));
  });
}
