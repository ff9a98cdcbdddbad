import Foundation

/// `Tests/run long` has time for more.
enum LongRun {
    static let isOne = ProcessInfo.processInfo.environment["SLUICE_LONG"] != nil
    /// Seeds by which sites without a fault are played.
    static let controls: UInt64 = Self.isOne ? 20 : 8
}
