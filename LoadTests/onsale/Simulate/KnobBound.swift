/// `--bound KEY=LEAST..MOST`: a setting that may be changed, and how far, in the units in which the file has it.
struct KnobBound: Equatable, Sendable {
    /// A setting that can be searched, and what it is now.
    struct Setting: Equatable, Sendable {
        var path: String
        var value: Double
        var unit: Knob.Unit
    }

    let setting: Setting
    let range: ClosedRange<Double>

    /// Throws what is wrong, with the key, its unit and an example.
    init(parsing text: String, _ known: [Setting]) throws(PlayProblem) {
        guard let equals = text.utf8.firstIndex(of: UInt8(ascii: "=")) else { throw Self.noBound(text, known) }
        let key = String(text[..<equals])
        guard let setting = known.first(where: { $0.path == key }) else {
            throw PlayProblem(
                "--bound: \(key) cannot be searched; what can: " + known.map(\.path).joined(separator: ", ")
            )
        }
        let range = text[text.utf8.index(after: equals)...]
        guard let dots = range.firstRange(of: "..") else { throw Self.noBound(text, [setting]) }
        let unit = setting.unit
        let words = [String(range[..<dots.lowerBound]), String(range[dots.upperBound...])]
        func refused(_ found: String) -> PlayProblem {
            PlayProblem("--bound: \(key) is \(unit.words), and \(found); write --bound \(Self.example(setting))")
        }
        var ends: [Double] = []
        for word in words {
            guard let end = unit.metric.parse(word) else {
                let isBare = Metric.Unit.count.parse(word) != nil
                throw refused(isBare ? "\(word) has no unit" : "'\(word)' is none")
            }
            guard unit == .share || end.rounded() == end else { throw refused("\(word) is not a whole number") }
            guard end > 0 else { throw refused("\(word) is not above 0") }
            ends.append(end)
        }
        guard ends[0] <= ends[1] else { throw refused("\(words[0]) is more than \(words[1])") }
        self.setting = setting
        self.range = ends[0]...ends[1]
    }

    /// The least and the most that are searched where nobody has said so.
    static func usual(_ setting: Setting) -> ClosedRange<Double> {
        let isShare = setting.unit == .share
        let most = isShare ? 1 : max(1, setting.value * 4)
        return min(max(setting.value / 4, isShare ? 0.05 : 1), most)...most
    }

    private static func noBound(_ text: String, _ settings: [Setting]) -> PlayProblem {
        let example = settings.first.map(Self.example) ?? "rooms.onsale.inflow=50/s..400/s"
        return PlayProblem("--bound: '\(text)' is no KEY=LEAST..MOST; write --bound \(example)")
    }

    private static func example(_ setting: Setting) -> String {
        let knob = Knob(path: setting.path, range: Self.usual(setting), unit: setting.unit)
        return "\(setting.path)=\(knob.text(knob.range.lowerBound))..\(knob.text(knob.range.upperBound))"
    }
}

extension Knob.Unit {
    /// What a value of it is read as.
    fileprivate var metric: Metric.Unit {
        switch self {
        case .count: .count
        case .perSecond: .rate
        case .share: .share
        }
    }

    fileprivate var words: String {
        switch self {
        case .count: "a whole number without a unit"
        case .perSecond: "a rate with its unit, /s"
        case .share: "a share, 0 to 1 or with %"
        }
    }
}
