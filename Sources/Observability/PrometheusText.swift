import Primitives

/// Writes metrics in Prometheus's text format: families with one `HELP` and `TYPE` each, labels escaped.
///
/// Source: Prometheus, "Exposition formats", text format 0.0.4. At most `maxBytes` are written; what comes after is
/// left out sample by sample, and a last family says how many.
public struct PrometheusText: Sendable {
    public static let contentType: StaticString = "text/plain; version=0.0.4; charset=utf-8"
    public static let maxBytes = 4 * 1024 * 1024
    /// The usual edges for requests over a network, in nanoseconds: 1 ms to 10 s.
    public static let latencyBoundsNanoseconds: [Int64] = [
        1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000, 100_000_000, 250_000_000, 500_000_000,
        1_000_000_000, 2_500_000_000, 5_000_000_000, 10_000_000_000,
    ]

    public typealias Labels = [(name: String, value: String)]
    public enum Kind: String, Sendable { case counter, gauge, histogram }

    private var text = ""
    private var family: (name: String, kind: Kind)?
    private var familyNames: Set<String> = []
    private(set) var droppedSamples = 0

    public init() {}

    /// Starts a family; the samples that follow belong to it. A name that has been used is a programming error: the
    /// format wants a family in one piece.
    public mutating func family(_ name: String, _ kind: Kind, help: String) {
        precondition(Self.isName(name), "'\(name)' is no metric name")
        precondition(self.familyNames.insert(name).inserted, "the family \(name) is written twice")
        self.family = (name, kind)
        let help = Self.escaped(help, alsoQuotes: false)
        self.append("# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n")
    }

    public mutating func sample(_ value: some BinaryInteger, _ labels: Labels = []) { self.sample("\(value)", labels) }

    public mutating func sample(_ value: Double, _ labels: Labels = []) { self.sample(Self.number(value), labels) }

    /// A histogram in seconds, as Prometheus's conventions want it.
    public mutating func sample(
        _ histogram: LatencyHistogram,
        _ labels: Labels = [],
        boundsNanoseconds: [Int64] = PrometheusText.latencyBoundsNanoseconds
    ) {
        let name = self.name(expecting: [.histogram])
        let counts = histogram.cumulative(boundsNanoseconds: boundsNanoseconds)
        var lines = ""
        for (bound, count) in zip(boundsNanoseconds, counts) {
            let edge = (name: "le", value: Self.number(Double(bound) / 1e9))
            lines += "\(name)_bucket\(Self.text(labels + [edge])) \(count)\n"
        }
        lines += "\(name)_bucket\(Self.text(labels + [(name: "le", value: "+Inf")])) \(histogram.count)\n"
        lines += "\(name)_sum\(Self.text(labels)) \(Self.number(Double(histogram.sumNanoseconds) / 1e9))\n"
        lines += "\(name)_count\(Self.text(labels)) \(histogram.count)\n"
        self.append(lines)
    }

    // MARK: Families of one sample

    public mutating func counter(_ name: String, help: String, _ value: some BinaryInteger, _ labels: Labels = []) {
        self.family(name, .counter, help: help)
        self.sample(value, labels)
    }

    public mutating func gauge(_ name: String, help: String, _ value: some BinaryInteger, _ labels: Labels = []) {
        self.family(name, .gauge, help: help)
        self.sample(value, labels)
    }

    public mutating func gauge(_ name: String, help: String, _ value: Double, _ labels: Labels = []) {
        self.family(name, .gauge, help: help)
        self.sample(value, labels)
    }

    /// The page.
    public func finished() -> String {
        guard self.droppedSamples > 0 else { return self.text }
        return self.text + """
            # HELP sluice_metrics_dropped Samples left out of this page because it is full.
            # TYPE sluice_metrics_dropped gauge
            sluice_metrics_dropped \(self.droppedSamples)

            """
    }

    // MARK: Inside

    private mutating func sample(_ value: String, _ labels: Labels) {
        let name = self.name(expecting: [.counter, .gauge])
        self.append("\(name)\(Self.text(labels)) \(value)\n")
    }

    private func name(expecting kinds: Set<Kind>) -> String {
        guard let family = self.family else { preconditionFailure("a sample comes before its family") }
        precondition(kinds.contains(family.kind), "the family \(family.name) is a \(family.kind)")
        return family.name
    }

    private mutating func append(_ lines: String) {
        guard self.text.utf8.count + lines.utf8.count <= Self.maxBytes else {
            self.droppedSamples += 1
            return
        }
        self.text += lines
    }

    private static func text(_ labels: Labels) -> String {
        guard !labels.isEmpty else { return "" }
        let pairs = labels.map { label in
            precondition(Self.isName(label.name) && !label.name.contains(":"), "'\(label.name)' is no label name")
            return "\(label.name)=\"\(Self.escaped(label.value, alsoQuotes: true))\""
        }
        return "{\(pairs.joined(separator: ","))}"
    }

    private static func escaped(_ text: String, alsoQuotes: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where alsoQuotes: result += "\\\""
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let whole = Int64(exactly: value), abs(whole) < 1 << 53 { return "\(whole)" }
        return "\(value)"
    }

    /// `[a-zA-Z_:][a-zA-Z0-9_:]*`
    private static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, !ASCII.isDigit(first) else { return false }
        return text.utf8.allSatisfy { byte in
            ASCII.isDigit(byte) || ASCII.lowercased(byte) &- 0x61 < 26 || byte == 0x5F || byte == 0x3A
        }
    }
}
