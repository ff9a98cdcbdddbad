import Addresses
import Primitives

extension ValueKind where Value: Comparable {
    /// Refused with what it should have been when the range does not hold it.
    fileprivate static func ranged(_ value: Value, _ range: ClosedRange<Value>) throws(Refusal) -> Value {
        if value < range.lowerBound { throw Refusal("which is too small") }
        if value > range.upperBound { throw Refusal("which is too large") }
        return value
    }

    /// A quantity with a unit, within a range.
    private static func measure(
        _ what: String,
        _ range: ClosedRange<Value>,
        example: String,
        write: @escaping @Sendable (Value) -> String,
        parse: @escaping @Sendable (String) throws(Refusal) -> Value
    ) -> Self {
        let bounds = "\(write(range.lowerBound)) to \(write(range.upperBound))"
        return .scalar("\(what) from \(bounds), such as \(example)", brief: bounds, write: write) {
            text throws(Refusal) in
            try self.ranged(try parse(text), range)
        }
    }
}

extension ValueKind where Value == Int {
    package static func count(_ range: ClosedRange<Int>) -> Self {
        .scalar(
            "a whole number from \(range.lowerBound) to \(range.upperBound)",
            brief: "\(range.lowerBound) to \(range.upperBound)",
            needsPlain: true,
            write: { "\($0)" }
        ) { text throws(Refusal) in
            let quantity = try Quantity(text)
            guard quantity.unit.isEmpty, quantity.fraction.isEmpty, !text.contains(".") else { throw Refusal() }
            return try self.ranged(Int(quantity.whole), range)
        }
    }

    /// In bytes.
    package static func size(_ range: ClosedRange<Int>) -> Self {
        .measure("a size", range, example: "16KiB", write: { SizeText.format(Int64($0)) }) { text throws(Refusal) in
            Int(try SizeText.parse(text))
        }
    }

    /// In bytes a second.
    package static func byteRate(_ range: ClosedRange<Int>) -> Self {
        .measure(
            "a rate",
            range,
            example: "500B/s or 16KiB/s",
            write: ByteRateText.format,
            parse: ByteRateText.parse
        )
    }
}

extension ValueKind where Value == Bool {
    package static var flag: Self {
        .scalar("true or false", brief: "true, false", needsPlain: true, write: { "\($0)" }) { text throws(Refusal) in
            guard let value = Bool(text) else { throw Refusal() }
            return value
        }
    }
}

extension ValueKind where Value == Int64 {
    /// In nanoseconds.
    package static func duration(_ range: ClosedRange<Int64>) -> Self {
        .measure("a duration", range, example: "30s", write: DurationText.format, parse: DurationText.parse)
    }

    /// In microseconds, for the admission side; the bounds are nanoseconds, as for every other duration.
    static func durationMicros(_ range: ClosedRange<Int64>) -> Self {
        let kind = self.duration(range)
        return ValueKind(
            allowed: kind.allowed,
            brief: kind.brief,
            read: { site, findings in kind.read(site, &findings).map { $0 / 1000 } },
            write: { kind.write($0 * 1000) }
        )
    }

    /// In thousandths a second.
    package static func rate(_ range: ClosedRange<Int64>) -> Self {
        .measure("a rate", range, example: "120/s or 600/min", write: RateText.format, parse: RateText.parse)
    }

    /// In microseconds since 1970.
    package static var time: Self {
        .scalar(
            "a time with its zone, such as 2026-11-23T18:00:00Z",
            brief: "a time such as 2026-11-23T18:00:00Z",
            write: TimeText.format
        ) { text throws(Refusal) in
            try TimeText.parse(text)
        }
    }
}

extension ValueKind where Value == Double {
    package static func number(_ range: ClosedRange<Double>) -> Self {
        .scalar(
            "a number from \(self.format(range.lowerBound)) to \(self.format(range.upperBound))",
            brief: "\(self.format(range.lowerBound)) to \(self.format(range.upperBound))",
            needsPlain: true,
            write: self.format
        ) { text throws(Refusal) in
            // Checked first: what Double reads by itself includes "nan", "inf" and "0x1p3".
            let quantity = try Quantity(text)
            guard quantity.unit.isEmpty, let value = Double(text) else { throw Refusal() }
            return try self.ranged(value, range)
        }
    }

    private static func format(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
    }
}

extension ValueKind where Value == String {
    package static func text(_ allowed: String, maxBytes: Int) -> Self {
        .scalar("\(allowed) of at most \(maxBytes) bytes", write: { $0.quotedForMessage }) { text throws(Refusal) in
            guard !text.isEmpty else { throw Refusal("which is empty") }
            guard text.utf8.count <= maxBytes else { throw Refusal("which has \(text.utf8.count) bytes") }
            guard text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
                throw Refusal("which holds a control character")
            }
            return text
        }
    }

    package static var path: Self {
        let kind = self.text("a path (from the folder of this file, unless it begins with /)", maxBytes: 4096)
        return ValueKind(allowed: kind.allowed, brief: "a path", read: kind.read, write: { $0 })
    }

    static func parsed(_ allowed: String, _ parse: @escaping @Sendable (String) throws(Refusal) -> String) -> Self {
        .scalar(allowed, write: { $0 == "*" ? "\"*\"" : $0 }, parse: parse)
    }

    /// The name of a pool or a room that stands elsewhere in the file.
    static func name(of what: String) -> Self {
        .scalar("the name of a \(what)", write: { $0 }) { text throws(Refusal) in
            guard NameText.isName(text) else { throw Refusal("which cannot be a name") }
            return text
        }
    }
}

extension ValueKind where Value == SocketAddress {
    static func address(allowsPortZero: Bool) -> Self {
        let zero = allowsPortZero ? "; port 0 picks a free one" : ""
        return .scalar(
            "an address such as 127.0.0.1:8080, [::1]:8080 or unix:/run/sluice.sock\(zero)",
            brief: "IPv4:port, [IPv6]:port or unix:path\(zero)",
            write: \.description
        ) { text throws(Refusal) in
            try AddressText.parse(text, allowsPortZero: allowsPortZero)
        }
    }
}

extension ValueKind where Value == RedisSettings {
    static var redis: Self {
        .scalar(
            "embedded, memory, unix:/path, redis://[[user]:password@]host[:port][/database], redis+sentinel://...host,host/master "
                + "or redis+cluster://...host,host; rediss for TLS",
            shown: { RedisEndpoint.withoutPassword($0).quotedForMessage },
            write: RedisText.format,
            parse: RedisText.parse
        )
    }
}

extension ValueKind where Value == Secret {
    /// Neither written nor repeated, not even when it is refused.
    static func secret(bytes range: ClosedRange<Int>) -> Self {
        .scalar(
            "a text of \(range.lowerBound) to \(range.upperBound) bytes",
            shown: { "a text of \($0.utf8.count) bytes" },
            write: \.description
        ) { text throws(Refusal) in
            guard range.contains(text.utf8.count) else { throw Refusal() }
            return Secret(Array(text.utf8))
        }
    }
}

extension ValueKind where Value: CaseIterable & RawRepresentable, Value.RawValue == String {
    package static var word: Self {
        let words = Value.allCases.map(\.rawValue)
        return .scalar(words.joined(separator: ", "), write: \.rawValue) { text throws(Refusal) in
            if let value = Value(rawValue: text) { return value }
            throw Refusal(NearestWord.of(text, among: words).map { "did you mean \($0)?" } ?? "")
        }
    }
}
