import Foundation

/// Under a sanitizer everything takes many times as long: there is less of it then. `Tests/run long` has time for more.
enum SanitizedRun {
    static let isLong = ProcessInfo.processInfo.environment["SLUICE_LONG"] != nil
    static let isOne = ProcessInfo.processInfo.environment["SLUICE_SANITIZER"] != nil
}
