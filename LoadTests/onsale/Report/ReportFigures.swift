import Foundation

/// The figures of a report or a plan, looked at before anything is computed with them: what no run can give is refused,
/// with its place. Sums and products of what passes fit into 64 bits.
enum ReportFigures {
    /// As `PieceReader` has it of messages.
    static let mostTimes = Double(PieceReader.mostTimes)
    static let mostMicros = Double(PieceReader.mostMicros)
    /// 104 days, and what a double holds exactly.
    static let mostNanoseconds = Double(1 << 53)
    /// Before the start of a run, or after it.
    static let mostSeconds = 1e6
    static let mostPerSecond = 1e9
    /// Deeper than anything that is written.
    private static let mostDepth = 64

    /// Where the first figure is that no run can give, and what it may be; nil when all are sound. What is no JSON is left
    /// to the decoder, which says where.
    static func problem(in data: Data) -> String? {
        guard let tree = try? JSONSerialization.jsonObject(with: data) else { return nil }
        return Self.problem(tree, path: "", key: "", depth: 0)
    }

    private static func problem(_ value: Any, path: String, key: String, depth: Int) -> String? {
        guard depth < Self.mostDepth else { return "\(path): is nested too deeply" }
        if let members = value as? [String: Any] {
            for (name, member) in members.sorted(by: { $0.key < $1.key }) {
                // A status, or bytes of a page of which there may be any number: never computed with.
                guard name != "pages" else { continue }
                let place = path.isEmpty ? name : "\(path).\(name)"
                if let found = Self.problem(member, path: place, key: name, depth: depth + 1) { return found }
            }
            return nil
        }
        if let items = value as? [Any] {
            for (index, item) in items.enumerated() {
                let place = "\(path)[\(index)]"
                if let found = Self.problem(item, path: place, key: key, depth: depth + 1) { return found }
            }
            return nil
        }
        guard let number = (value as? NSNumber)?.doubleValue else { return nil }
        let allowed = Self.allowed(key)
        guard !allowed.contains(number) else { return nil }
        let (least, most) = (Self.text(allowed.lowerBound), Self.text(allowed.upperBound))
        return "\(path): \(Self.text(number)) is in no run, it must be \(least) to \(most)"
    }

    /// By the name that the figure stands under: names tell the unit.
    static func allowed(_ key: String) -> ClosedRange<Double> {
        switch key {
        case "seed": 0...Double(UInt64.max)
        // As somebody wrote it: 999999999d.
        case "bound": -1e30...1e30
        case "measured", "limit": -Self.mostNanoseconds...Self.mostNanoseconds
        case "atSeconds", "second": -Self.mostSeconds...Self.mostSeconds
        case "seconds": 0...Self.mostSeconds
        case _ where key.hasSuffix("_ns") || key.lowercased().hasSuffix("nanoseconds"): 0...Self.mostNanoseconds
        case _ where key.hasSuffix("Micros"): 0...Self.mostMicros
        case _ where key.hasSuffix("Seconds"): 0...Self.mostSeconds
        case _ where key.hasSuffix("PerSecond"): 0...Self.mostPerSecond
        default: 0...Self.mostTimes
        }
    }

    /// Digits, as they stand in the file.
    private static func text(_ number: Double) -> String {
        number.rounded() == number && number.magnitude < 1e18 ? "\(Int64(number))" : "\(number)"
    }
}
