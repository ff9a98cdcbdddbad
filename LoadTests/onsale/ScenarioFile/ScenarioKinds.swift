import Settings

/// Values of a scenario file, in the units of the gateway's configuration; in the program they are seconds, shares and
/// rates a second.
extension ValueKind {
    /// The same value under another type.
    fileprivate func mapped<Other: Equatable & Sendable>(
        _ make: @escaping @Sendable (Value) -> Other,
        back: @escaping @Sendable (Other) -> Value
    ) -> ValueKind<Other> {
        let (read, write) = (self.read, self.write)
        return ValueKind<Other>(
            allowed: self.allowed,
            brief: self.brief,
            read: { site, findings in read(site, &findings).map(make) },
            write: { write(back($0)) }
        )
    }
}

extension ValueKind where Value == Double {
    /// A duration such as `90s`, exact to the millisecond.
    static func seconds(_ range: ClosedRange<Double>) -> Self {
        @Sendable func nanos(_ seconds: Double) -> Int64 { Int64((seconds * 1000).rounded()) * 1_000_000 }
        return ValueKind<Int64>.duration(nanos(range.lowerBound)...nanos(range.upperBound))
            .mapped({ Double($0 / 1_000_000) / 1000 }, back: nanos)
    }

    /// A rate such as `250/s`.
    static func ratePerSecond(_ range: ClosedRange<Double>) -> Self {
        @Sendable func milli(_ rate: Double) -> Int64 { Int64((rate * 1000).rounded()) }
        return ValueKind<Int64>.rate(milli(range.lowerBound)...milli(range.upperBound))
            .mapped({ Double($0) / 1000 }, back: milli)
    }

    /// A share such as `6%`; 1 is all.
    static var share: Self {
        .scalar("a share from 0% to 100%, such as 6% or 0.5%", brief: "0% to 100%", write: ShareText.format) {
            text throws(Refusal) in
            try ShareText.parse(text)
        }
    }
}

/// Shares as they are written in the file: `6%`, `0.5%`. In the program they are fractions of 1.
enum ShareText {
    static func parse(_ text: String) throws(Refusal) -> Double {
        let quantity = try Quantity(text)
        guard quantity.unit == "%" else {
            throw Refusal(quantity.unit.isEmpty ? "which has no unit (percent is %)" : "whose unit is not %")
        }
        guard quantity.fraction.count <= 3 else { throw Refusal("which is finer than a thousandth of a percent") }
        let padded = quantity.fraction + String(repeating: "0", count: 3 - quantity.fraction.count)
        let thousandths = try quantity.scaled(by: 1000) + (Int64(padded) ?? 0)
        guard thousandths <= 100_000 else { throw Refusal("which is more than all") }
        return Double(thousandths) / 100_000
    }

    static func format(_ share: Double) -> String {
        let thousandths = Int64((share * 100_000).rounded())
        let fraction = thousandths % 1000
        guard fraction != 0 else { return "\(thousandths / 1000)%" }
        var digits = String(String(1000 + fraction).dropFirst())
        while digits.hasSuffix("0") { digits.removeLast() }
        return "\(thousandths / 1000).\(digits)%"
    }
}

/// From one value to another, both of one kind: `3 to 7`. One value alone is both.
struct Span<Bound: Comparable & Sendable>: Equatable, Sendable {
    var from: Bound
    var to: Bound
}

extension ValueKind {
    /// `one to other`, or one value that is both.
    static func span<Bound>(of kind: ValueKind<Bound>, such example: String) -> Self where Value == Span<Bound> {
        let allowed = "\(kind.allowed), or two of them, such as \(example)"
        return ValueKind(
            allowed: allowed,
            brief: "\(kind.brief), or two of them such as \(example)",
            read: { site, findings in
                guard case .scalar(let text, let isPlain) = site.node.content else {
                    site.refuse(&findings)
                    return nil
                }
                let words = text.split(separator: " ", omittingEmptySubsequences: true)
                func bound(_ word: Substring, _ findings: inout Findings) -> Bound? {
                    let node = SettingsNode(.scalar(String(word), isPlain: isPlain), at: site.node.position)
                    return kind.read(ValueSite(node: node, path: site.path, allowed: site.allowed), &findings)
                }
                if words.count == 1 { return bound(words[0], &findings).map { Span(from: $0, to: $0) } }
                guard words.count == 3, words[1] == "to" else {
                    site.refuse(&findings)
                    return nil
                }
                guard let from = bound(words[0], &findings), let to = bound(words[2], &findings) else { return nil }
                guard from <= to else {
                    site.refuse(because: Refusal("which goes down"), &findings)
                    return nil
                }
                return Span(from: from, to: to)
            },
            write: { $0.from == $0.to ? kind.write($0.from) : "\(kind.write($0.from)) to \(kind.write($0.to))" }
        )
    }
}
