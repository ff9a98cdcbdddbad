/// The commands by which a cloud is told how many instances a pool has, and asked which there are. Each is a program and
/// its arguments; no shell reads them.
public struct CloudSettings: Equatable, Sendable {
    /// Where the size stands in `scale`, and the id in `retire`.
    public static let sizeWord = "{desired}"
    public static let idWord = "{id}"

    /// Sets the size.
    public var scale: [String] = []
    /// Prints the instances, one on each line: `ID ADDRESS STATE`.
    public var list: [String] = []
    /// Ends one instance and lowers the size by it; empty: the cloud chooses who goes.
    public var retire: [String] = []
    /// Of every instance; nil: each address that is listed has its own.
    public var port: Int?
    /// From one listing to the next.
    public var everyNanoseconds: Int64 = .seconds(5)
    /// For each command.
    public var timeoutNanoseconds: Int64 = .seconds(30)

    public init() {}
}

extension CloudSettings: SettingsSection {
    package static var fields: [SettingsField<Self>] {
        [
            .value("scale", \.scale, .words, .live),
            .value("list", \.list, .words, .live),
            .value("retire", \.retire, .words, .live),
            .value("port", \.port, .either("none", or: .count(1...65_535)), .live),
            .value("every", \.everyNanoseconds, .duration(.milliseconds(100)...(.minutes(10))), .live),
            .value("timeout", \.timeoutNanoseconds, .duration(.milliseconds(100)...(.minutes(10))), .live),
        ]
    }

    /// What the command driver needs of it, and of the rest of its pool.
    func checkUse(at path: String, _ findings: inout Findings) {
        for (key, words) in [("scale", self.scale), ("list", self.list)]
        where words.isEmpty && !findings.hasProblem(at: "\(path).cloud.\(key)") {
            findings.reportContradiction(
                path + ".driver",
                "the command driver needs the key cloud.\(key) with a program and its arguments"
            )
        }
        self.check("scale", self.scale, holds: Self.sizeWord, "the number of instances", at: path, &findings)
        self.check(
            "retire",
            self.retire,
            holds: Self.idWord,
            "the id of the instance that is to go",
            at: path,
            &findings
        )
        if findings.positions[path + ".start_timeout"] == nil {
            findings.reportContradiction(
                path + ".driver",
                "the command driver needs the key start_timeout: how long an instance may take from when it is listed "
                    + "until it answers. The default is meant for processes"
            )
        }
    }

    private func check(
        _ key: String,
        _ words: [String],
        holds word: String,
        _ what: String,
        at path: String,
        _ findings: inout Findings
    ) {
        guard !words.isEmpty, !words.dropFirst().contains(where: { $0.contains(word) }) else { return }
        findings.reportContradiction(
            "\(path).cloud.\(key)",
            "none of its arguments holds \(word), in whose place \(what) is put"
        )
    }
}

extension ValueKind where Value == [String] {
    /// A program and its arguments.
    static var words: Self { .list(of: .text("a text", maxBytes: 4096), count: 0...64) }
}
