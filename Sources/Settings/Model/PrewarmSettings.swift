import Primitives

/// Workers that an operator wants to be ready at a time of the clock, however few are needed by then.
public struct PrewarmSettings: Equatable, Sendable {
    public var workers: Int
    /// Microseconds since 1970.
    public var fromMicros: Int64
    public var lengthNanoseconds: Int64

    public init(workers: Int, fromMicros: Int64, lengthNanoseconds: Int64) {
        self.workers = workers
        self.fromMicros = fromMicros
        self.lengthNanoseconds = lengthNanoseconds
    }
}

extension ValueKind where Value == PrewarmSettings {
    /// `20 workers from 2026-11-28T19:30:00Z for 2h`.
    static var prewarm: Self {
        let (counts, lengths) = (1...1000, Int64.minutes(1)...Int64.hours(24 * 31))
        return .scalar(
            "workers for a time, such as 20 workers from 2026-11-28T19:30:00Z for 2h",
            brief: "N workers from TIME for DURATION",
            write: {
                "\($0.workers) \($0.workers == 1 ? "worker" : "workers") from \(TimeText.format($0.fromMicros)) for "
                    + DurationText.format($0.lengthNanoseconds)
            },
            parse: { text throws(Refusal) in
                let words = text.split(separator: " ")
                guard words.count == 6, words[1] == "workers" || words[1] == "worker", words[2] == "from",
                    words[4] == "for"
                else { throw Refusal() }
                guard let workers = Int(words[0]), counts.contains(workers) else {
                    throw Refusal("in which \(words[0]) is not a number of workers from 1 to \(counts.upperBound)")
                }
                let length = try DurationText.parse(String(words[5]))
                guard lengths.contains(length) else {
                    let (least, most) = (lengths.lowerBound, lengths.upperBound)
                    throw Refusal(
                        "in which \(words[5]) is not between \(DurationText.format(least)) and \(DurationText.format(most))"
                    )
                }
                return PrewarmSettings(
                    workers: workers,
                    fromMicros: try TimeText.parse(String(words[3])),
                    lengthNanoseconds: length
                )
            }
        )
    }
}
