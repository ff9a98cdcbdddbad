import Foundation

/// Under a sanitizer everything takes many times as long: there is less of it then.
enum SanitizedRun {
    static let isOne = ProcessInfo.processInfo.environment["SLUICE_SANITIZER"] != nil
}
