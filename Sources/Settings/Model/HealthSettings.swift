/// How workers are asked whether they are well: by the controller those of the process driver, again and again; by each
/// gateway those that it passes by, whoever looks after them.
public struct ProbeSettings: Equatable, Sendable {
    /// Asked with GET over HTTP; nil: a worker that takes a connection is well.
    public var path: String? = "/healthz"
    /// From the beginning of one question to the next, of a worker that is ready.
    public var intervalNanoseconds: Int64 = .seconds(2)
    /// From the beginning of a question to the last byte of its answer.
    public var timeoutNanoseconds: Int64 = .seconds(5)
    /// A ready worker that failed so often in a row is replaced; 0: never.
    public var failures = 3

    public init() {}
}

/// When a gateway passes a worker by, and for how long.
public struct EjectionSettings: Equatable, Sendable {
    /// Answers in a row that failed; 0: answers make no difference.
    public var failures = 5
    /// Answers with these count as failed.
    public var statuses = [502, 503, 504]
    /// The first time. Each time more that a worker fails it is so much longer.
    public var pauseNanoseconds: Int64 = .seconds(1)
    public var longestPauseNanoseconds: Int64 = .seconds(30)
    /// Of the workers that take connections, the share that may be passed by for their answers at the same time.
    public var mostShare = 0.5

    public init() {}
}

extension ProbeSettings: SettingsSection {
    package static var fields: [SettingsField<Self>] {
        [
            .value("path", \.path, .either("tcp", or: .probePath), .live),
            .value("interval", \.intervalNanoseconds, .duration(.milliseconds(50)...(.minutes(10))), .live),
            .value("timeout", \.timeoutNanoseconds, .duration(.milliseconds(10)...(.minutes(10))), .live),
            .value("failures", \.failures, .count(0...100), .live),
        ]
    }
}

extension EjectionSettings: SettingsSection {
    package static var fields: [SettingsField<Self>] {
        [
            .value("failures", \.failures, .count(0...1000), .live),
            .value("statuses", \.statuses, .list(of: .count(500...599), count: 0...100), .live),
            .value("pause", \.pauseNanoseconds, .duration(.milliseconds(10)...(.hours(1))), .live),
            .value("longest_pause", \.longestPauseNanoseconds, .duration(.milliseconds(10)...(.hours(1))), .live),
            .value("most_share", \.mostShare, .number(0...1), .live),
        ]
    }
}

extension ValueKind where Value == String {
    /// As it goes over the wire, a query included.
    fileprivate static var probePath: Self {
        .scalar("a path such as /healthz", write: { $0 }) { text throws(Refusal) in
            guard text.utf8.first == UInt8(ascii: "/") else { throw Refusal("which does not begin with /") }
            guard text.utf8.count <= 1024 else { throw Refusal("which has \(text.utf8.count) bytes") }
            guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
                throw Refusal("which has to be percent-encoded")
            }
            return text
        }
    }
}
