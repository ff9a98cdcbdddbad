import Glibc

/// How tests wait: for conditions, with a deadline, never by sleeping.
enum Patience {
    /// Far beyond what anything here takes, also in a sanitizer's build: only a failing test ever waits so long.
    /// `SLUICE_PATIENCE` is for those who expect failures and do not want to wait for them.
    static let deadlineSeconds = getenv("SLUICE_PATIENCE").flatMap { Int64(String(cString: $0)) } ?? 120
    /// Between two looks at a condition that tells nobody when it comes true.
    private static let lookMilliseconds: Int32 = 5

    /// Where a test looks at a duration, a sanitizer's build may take so many times as long.
    static let slowness: Int64 = getenv("SLUICE_SANITIZER") == nil ? 1 : 10

    static var nowMilliseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// Looks at `condition` until it holds.
    static func wait(for what: @autoclosure () -> String, until condition: () throws -> Bool) throws {
        _ = try self.value(of: what()) { try condition() ? true : nil }
    }

    /// Lets so much time pass, where time itself is what is tested.
    static func pass(milliseconds: Int64) throws {
        let end = Self.nowMilliseconds + milliseconds
        try Self.wait(for: "\(milliseconds) ms to pass") { Self.nowMilliseconds >= end }
    }

    /// Looks until there is a value.
    static func value<Value>(of what: @autoclosure () -> String, _ look: () throws -> Value?) throws -> Value {
        let end = Self.nowMilliseconds + Self.deadlineSeconds * 1_000
        while true {
            if let value = try look() { return value }
            guard Self.nowMilliseconds < end else { throw Disappointment("waited in vain for \(what())") }
            poll(nil, 0, Self.lookMilliseconds)
        }
    }
}

/// Why a test cannot go on.
struct Disappointment: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
