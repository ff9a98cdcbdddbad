import Primitives
import EventLoop
import Glibc
import Settings
import Transport

/// Settings on disk: one YAML file, and the files that it names.
public enum SettingsFile {
    /// A larger file is refused.
    public static let maxBytes = 1 << 20

    /// Reads, decodes and checks the file at `path`, and the certificates and keys that it names. Blocks on the disk.
    ///
    /// `exportsJournals`: for a process that writes rooms' journals to the folders named, which then must be there. A
    /// gateway alone has no need of them; and one that goes while a controller runs must not keep it from taking over
    /// other changes.
    ///
    /// `isStarting`: for a process that starts with it, or is to: then the state folder is there or can be made. It is of
    /// no matter to a reload, which cannot change it.
    ///
    /// `opensPorts`: false for whoever only reads what would be done, such as a simulation: certificates and keys are not
    /// looked at, and those that stand in files are not filled in.
    ///
    /// Throws everything that is wrong with it, in the order of the file.
    ///
    /// `overrides` take the place of what the file says, one after the other, before it is checked.
    public static func load(
        _ path: String,
        exportsJournals: Bool = false,
        isStarting: Bool = false,
        opensPorts: Bool = true,
        overrides: [SettingsOverride] = []
    ) throws(SettingsError) -> Settings {
        let bytes: [UInt8]
        let changedMicros: Int64
        do {
            (bytes, changedMicros) = try BoundedFile.read(path, limit: self.maxBytes)
        } catch {
            throw SettingsError([
                SettingsProblem(file: path, position: nil, path: "", message: "\(error); name a readable YAML file")
            ])
        }
        var settings = try self.decode(
            bytes,
            path: path,
            exportsJournals: exportsJournals,
            isStarting: isStarting,
            opensPorts: opensPorts,
            overrides: overrides
        )
        settings.fileMicros = changedMicros
        return settings
    }

    /// What `load` does with the bytes of the file. Relative paths are meant from the folder of `path`.
    public static func decode(
        _ bytes: [UInt8],
        path: String,
        exportsJournals: Bool = false,
        isStarting: Bool = false,
        opensPorts: Bool = true,
        overrides: [SettingsOverride] = []
    ) throws(SettingsError) -> Settings {
        var tree = try self.tree(of: bytes, path: path)
        for change in overrides { tree = try change.applied(to: tree) }
        var (settings, sources, problems) = Settings.examine(tree, file: path, folder: self.absoluteFolder(of: path))
        // Also when something else is wrong: whoever mends a file is to see everything at once.
        let refused = Set(problems.map(\.path))
        var named = self.checkCiphers(settings, sources)
        if opensPorts { named += self.checkFiles(&settings, sources) }
        problems += named.filter { !refused.contains($0.path) }
        if exportsJournals { problems += self.checkFolders(settings, sources).filter { !refused.contains($0.path) } }
        if isStarting { problems += self.checkStateFolder(settings, sources).filter { !refused.contains($0.path) } }
        guard problems.isEmpty else {
            throw SettingsError(self.sorted(problems).map { self.placed($0, overrides) })
        }
        return settings
    }

    /// A problem with an overridden value is not the file's.
    private static func placed(_ problem: SettingsProblem, _ overrides: [SettingsOverride]) -> SettingsProblem {
        guard let change = overrides.last(where: { $0.path == problem.path }) else { return problem }
        return SettingsProblem(file: change.source, position: nil, path: problem.path, message: problem.message)
    }

    /// What the YAML in the bytes of the file at `path` says; nil when there is nothing in it.
    package static func tree(of bytes: [UInt8], path: String) throws(SettingsError) -> SettingsNode? {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw SettingsError([self.invalidEncoding(bytes, path)])
        }
        return try YAMLTree.parse(text, file: path)
    }

    /// In the order of the file.
    package static func sorted(_ problems: [SettingsProblem]) -> [SettingsProblem] {
        let start = SourcePosition(line: 1, column: 1)
        return problems.enumerated().sorted { left, right in
            (left.element.position ?? start, left.offset) < (right.element.position ?? start, right.offset)
        }.map(\.element)
    }

    /// The folder as it is named, not where symbolic links lead: a Kubernetes mount replaces what they lead to.
    package static func absoluteFolder(of path: String) -> String {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let folder = parts.dropLast().joined(separator: "/")
        if path.hasPrefix("/") { return folder.isEmpty ? "/" : folder }
        guard let current = getcwd(nil, 0) else { return folder }
        defer { free(current) }
        let base = String(cString: current)
        return folder.isEmpty ? base : base == "/" ? "/\(folder)" : "\(base)/\(folder)"
    }

    // MARK: Files that the settings name

    private static func checkCiphers(_ settings: Settings, _ sources: SettingsSourceMap) -> [SettingsProblem] {
        settings.listeners.enumerated().compactMap { index, listener in
            guard let ciphers = listener.ciphers, let problem = CipherList.problem(of: ciphers, tls: listener.tls)
            else { return nil }
            return sources.problem(at: "listen[\(index)].ciphers", problem)
        }
    }

    /// Finds what cannot be read before anything depends on it, and fills in the keys that stand in files.
    private static func checkFiles(_ settings: inout Settings, _ sources: SettingsSourceMap) -> [SettingsProblem] {
        var problems: [SettingsProblem] = []
        let certificates = ServerCertificates.problems(of: settings)
        let ofRedis = OutgoingCertificates.problems(of: settings.redisAccess).map { ("redis_access.\($0)", $1) }
        let ofWorkers = WorkerCertificates.problems(of: settings)
        problems += (certificates + ofRedis + ofWorkers).map { sources.problem(at: $0, $1) }
        for (index, key) in settings.signingKeys.enumerated() {
            guard let path = key.file else { continue }
            let keyPath = "signing_keys[\(index)].file"
            do {
                let bytes = try self.read(path, limit: self.maxBytes)
                guard SigningKeySettings.secretBytes.contains(bytes.count) else {
                    let range = SigningKeySettings.secretBytes
                    let allowed = "\(range.lowerBound) to \(range.upperBound)"
                    problems.append(
                        sources.problem(at: keyPath, "\(path) holds \(bytes.count) bytes; allowed: \(allowed)")
                    )
                    continue
                }
                settings.signingKeys[index].secret = Secret(bytes)
            } catch {
                problems.append(sources.problem(at: keyPath, "\(error); name a readable file with the key's bytes"))
            }
        }
        return problems
    }

    private static func checkFolders(_ settings: Settings, _ sources: SettingsSourceMap) -> [SettingsProblem] {
        settings.rooms.compactMap { room in
            guard let problem = room.journalFolder.flatMap(FolderAccess.problem) else { return nil }
            let advice = "make a folder that this user can write to, or leave journal_export out"
            return sources.problem(at: "rooms.\(room.name).journal_export", "\(problem); \(advice)")
        }
    }

    /// A process makes it at its start when it is missing, but not the folders around it.
    private static func checkStateFolder(_ settings: Settings, _ sources: SettingsSourceMap) -> [SettingsProblem] {
        var path = settings.stateFolder
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        let isMissing = access(path, F_OK) == -1 && errno == ENOENT
        guard let problem = FolderAccess.problem(of: isMissing ? self.absoluteFolder(of: path) : path) else {
            return []
        }
        let advice =
            isMissing
            ? "so \(path) cannot be made; make it, or name another folder" : "name a folder that this user can write to"
        return [sources.problem(at: "state_folder", "\(problem); \(advice)")]
    }

    // MARK: Reading

    /// The bytes of a file, unless there are more than `limit`. Blocks on the disk.
    package static func read(_ path: String, limit: Int) throws(BoundedFile.Failure) -> [UInt8] {
        try BoundedFile.read(path, limit: limit).bytes
    }

    private static func invalidEncoding(_ bytes: [UInt8], _ path: String) -> SettingsProblem {
        // Only the line: columns count Unicode scalars, and this line has none that can be trusted.
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let bad = lines.firstIndex { String(validating: $0, as: UTF8.self) == nil } ?? 0
        return SettingsProblem(
            file: path,
            position: SourcePosition(line: bad + 1, column: 1),
            path: "",
            message: "this line is not UTF-8; save the file in that encoding"
        )
    }
}
