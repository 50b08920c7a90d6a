/// Locks by name between processes, by libprocsync.
library;

export 'src/bindings.dart';
export 'src/library.dart' show ProcsyncException, openLibrary;
export 'src/native_semaphore.dart';
