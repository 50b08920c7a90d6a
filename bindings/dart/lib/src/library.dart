import 'dart:ffi';
import 'dart:io';

import 'package:ffi/ffi.dart';

import 'bindings.dart';

/// What a function of libprocsync answered, and why.
final class ProcsyncException implements Exception {
  ProcsyncException(this.code, this.operation, this.object, this.systemErrno, this.message);

  /// The details of what failed last in this thread: to be called right after the failure.
  factory ProcsyncException.last(Bindings bindings) {
    final error = bindings.procsync_last_error().ref;
    return ProcsyncException(
      error.code,
      error.operation.cast<Utf8>().toDartString(),
      error.object.cast<Utf8>().toDartString(),
      error.system_errno,
      error.message.cast<Utf8>().toDartString(),
    );
  }

  /// A `procsync_status`.
  final int code;
  final String operation;
  final String object;

  /// What the system said, if the code is `PROCSYNC_SYSTEM`; else 0.
  final int systemErrno;
  final String message;

  @override
  String toString() => 'ProcsyncException: $message ($operation, status $code)';
}

Bindings? _bindings;

/// The library's functions. By default the library is where the environment variable
/// `PROCSYNC_LIBRARY` says, else where the system looks for `libprocsync.so`.
Bindings openLibrary([String? path]) {
  final at = path ?? Platform.environment['PROCSYNC_LIBRARY'] ?? 'libprocsync.so';
  return _bindings ??= Bindings(DynamicLibrary.open(at));
}
