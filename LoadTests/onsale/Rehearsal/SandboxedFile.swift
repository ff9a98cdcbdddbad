import Settings
import Yams

/// A copy of the operator's configuration that can be played on this machine: what would reach out of the sandbox is
/// replaced, and all else stays.
///
/// A value that makes text. Comments are lost, and nothing else.
struct SandboxedFile: Equatable, Sendable {
    /// One key that is not as the operator wrote it, in words.
    struct Replacement: Equatable, Sendable {
        var key: String
        var words: String
    }

    /// What the judged room is given for a moment of the run.
    struct Moment: Equatable, Sendable {
        var inflowMilli: Int64
        var burst: Int64
        var slots: Int64
        /// ISO 8601; nil: the room has no opening.
        var opensAt: String?
        var listen = "127.0.0.1:0"
        var redis = "embedded"
    }

    /// With everything replaced that stays so for the run.
    let text: String
    private(set) var replacements: [Replacement] = []

    /// - Parameter journalEntries: that many must at least be kept.
    init(_ root: Node, journalEntries: Int) throws {
        var copy = Rewrite(root: root)
        copy.replaceAddresses()
        copy.replaceState()
        for pool in root.value(of: "pools")?.names ?? [] {
            copy.replaceWorkers(of: pool)
            copy.replacePrewarm(of: pool)
        }
        for room in root.value(of: "rooms")?.names ?? [] { copy.replaceJournal(of: room, entries: journalEntries) }
        self.text = try Self.text(copy.root)
        self.replacements = copy.replacements
    }

    mutating func tell(_ key: String, _ words: String) {
        self.replacements.append(Replacement(key: key, words: words))
    }

    /// The configuration for one process at one moment.
    func yaml(room: String, _ moment: Moment) throws -> String {
        var root = try Parser(yaml: self.text, resolver: .basic, encoding: .utf8).singleRoot() ?? Node([(Node, Node)]())
        root = root.setting(["listen"], to: Self.listeners(moment.listen))
        root = root.setting(["redis"], to: Node(moment.redis))
        let values: [(String, String?)] = [
            ("inflow", Self.rate(moment.inflowMilli)), ("burst", "\(moment.burst)"), ("slots", "\(moment.slots)"),
            ("opens_at", moment.opensAt),
        ]
        for (key, value) in values { root = root.setting(["rooms", room, key], to: value.map { Node($0) }) }
        return "# The operator's file, as onsale plays it on this machine.\n" + (try Self.text(root))
    }

    static func listeners(_ address: String) -> Node { Node([Node([(Node("address"), Node(address))])]) }

    private static func text(_ root: Node) throws -> String {
        // Lines of any length: a folded one reads the same to a parser, and worse to a person.
        try serialize(node: root, width: -1, allowUnicode: true)
    }

    /// As the file says it: `120/s`, `0.5/s`.
    static func rate(_ milli: Int64) -> String {
        let fraction = milli % 1000
        return fraction == 0 ? "\(milli / 1000)/s" : "\(milli / 1000).\(String(1000 + fraction).dropFirst())/s"
    }
}

/// The work on the tree, and the words for what was done.
private struct Rewrite {
    var root: Node
    var replacements: [SandboxedFile.Replacement] = []

    private mutating func replace(_ path: [String], with value: Node?, _ words: String?) {
        self.root = self.root.setting(path, to: value)
        if let words { self.replacements.append(.init(key: path.joined(separator: "."), words: words)) }
    }

    private func text(_ path: [String]) -> String? { self.root.value(at: path)?.scalar?.string }

    mutating func replaceAddresses() {
        let listeners = self.root.value(of: "listen")?.sequence.map(Array.init) ?? []
        let shown = listeners.map { listener in
            let address = listener.value(of: "address")?.scalar?.string ?? "?"
            return address + (listener.value(of: "tls") == nil ? "" : " with TLS")
        }
        let own = shown.isEmpty ? "the default" : shown.joined(separator: ", ")
        self.replace(
            ["listen"],
            with: SandboxedFile.listeners("127.0.0.1:0"),
            "a free port of this machine in plain HTTP, in place of \(own)"
        )
        let admin = self.text(["admin", "listen"]) ?? "the default"
        self.replace(
            ["admin", "listen"],
            with: Node("127.0.0.1:0"),
            "a free port of this machine, in place of \(admin)"
        )
    }

    mutating func replaceState() {
        let folder = self.text(["state_folder"]) ?? "the default"
        self.replace(["state_folder"], with: Node("state"), "a folder for this run alone, in place of \(folder)")
        if let redis = self.text(["redis"]), redis != "embedded" {
            // An address may hold a password: it is not shown.
            let own = redis == "memory" ? "memory: the judge reads the journal" : "yours, of which nothing is asked"
            self.replace(["redis"], with: nil, "a private Redis for this run, in place of \(own)")
        }
        if self.root.value(of: "redis_access") != nil {
            self.replace(["redis_access"], with: nil, "left out with the address of your Redis")
        }
        if self.root.value(of: "signing_keys")?.sequence?.isEmpty == false {
            let words = "a key made for this run: what is given out in a rehearsal must be good nowhere else"
            self.replace(["signing_keys"], with: nil, words)
        }
        if let generation = self.text(["generation"]), generation != "auto" {
            let words = "auto, in place of \(generation): a change in the run must win without a new number"
            self.replace(["generation"], with: Node("auto"), words)
        }
    }

    mutating func replaceWorkers(of pool: String) {
        let path = ["pools", pool]
        if self.text(path + ["driver"]) == "static" {
            let count = self.root.value(at: path + ["workers"])?.sequence?.count ?? 0
            let words = "\(count) sample workers of the shape under worker, in place of those listed"
            self.replace(path + ["workers"], with: nil, words)
            self.replace(path + ["driver"], with: Node("process"), nil)
            self.replace(path + ["min_workers"], with: Node("\(count)"), nil)
            self.replace(path + ["max_workers"], with: Node("\(count)"), nil)
            for key in ["tls", "lookup_interval"] where self.root.value(at: path + [key]) != nil {
                self.replace(path + [key], with: nil, nil)
            }
        }
        // Whatever would start and end workers elsewhere: a rehearsal must not touch what tomorrow's sale runs on.
        if let driver = self.text(path + ["driver"]), driver != "process" {
            let elsewhere = ["command": "your cloud", "kubernetes": "your cluster", "keda": "KEDA"][driver] ?? driver
            let words =
                "sample workers of the shape under worker, in place of those of \(elsewhere), which is told nothing"
            self.replace(path + ["driver"], with: Node("process"), words)
            for key in ["workers", "cloud", "kubernetes", "start_timeout"]
            where self.root.value(at: path + [key]) != nil { self.replace(path + [key], with: nil, nil) }
            if self.text(path + ["min_workers"]) == "0" {
                self.replace(path + ["min_workers"], with: Node("1"), "1, in place of 0: a process is kept at least")
            }
        }
        if self.root.value(at: path + ["command"])?.sequence?.isEmpty == false {
            let words = "sample workers of the shape under worker, in place of your program"
            self.replace(path + ["command"], with: nil, words)
        }
    }

    /// Workers for the date of the real sale have nothing to do with the time of a run.
    mutating func replacePrewarm(of pool: String) {
        let path = ["pools", pool, "scaling", "prewarm"]
        guard let plans = self.root.value(at: path)?.sequence, !plans.isEmpty else { return }
        let own = plans.map { $0.scalar?.string ?? "?" }.joined(separator: ", ")
        self.replace(path, with: Node([Node]()), "none, in place of \(own): the run is not at that time")
    }

    mutating func replaceJournal(of room: String, entries: Int) {
        let path = ["rooms", room]
        let kept = self.text(path + ["journal_entries"]).flatMap { Int($0) } ?? 100_000
        if kept < entries {
            let words = "\(entries), in place of \(kept): the judge reads the whole run"
            self.replace(path + ["journal_entries"], with: Node("\(entries)"), words)
        }
        // What the room keeps by itself outlives a run.
        self.replace(
            path + ["journal_keep"],
            with: nil,
            self.text(path + ["journal_keep"]).map { "the default, in place of \($0): the judge reads the whole run" }
        )
        if let folder = self.text(path + ["journal_export"]), !["null", "~", ""].contains(folder.lowercased()) {
            self.replace(path + ["journal_export"], with: nil, "none, in place of \(folder)")
        }
    }
}
