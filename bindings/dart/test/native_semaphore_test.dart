import 'dart:io';

import 'package:procsync/procsync.dart';
import 'package:test/test.dart';

class Other extends NativeSemaphore {
  Other(super.name);
}

void main() {
  var next = 0;
  String name() => 'dart-$pid-${next++}';

  test('the life cycle, with layers', () {
    final semaphore = NativeSemaphore.instantiate(name: name());
    expect(semaphore.lock(), isFalse);
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
  });

  test('one instance for each name', () {
    final taken = name();
    final semaphore = NativeSemaphore.instantiate(name: '/$taken');
    expect(NativeSemaphore.instantiate(name: 'Global\\$taken'), same(semaphore));
    expect(() => NativeSemaphore.instantiate<Other>(name: taken, create: Other.new), throwsArgumentError);
  });

  test('a name that cannot be is told', () {
    final semaphore = NativeSemaphore('a b');
    expect(semaphore.open(), isFalse);
    expect(semaphore.lastError!.message, contains('not allowed'));
  });
}
