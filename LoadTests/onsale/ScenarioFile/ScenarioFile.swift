import Settings
import SettingsFile

/// A scenario in a YAML file: who comes to a sale and when, in the same words and units as the gateway's configuration,
/// and refused with the same care. `LoadTests/README.md` explains each key.
enum ScenarioFile {
    /// Larger files are refused: scenarios, and the rates and access logs that they name.
    static let maxBytes = 1 << 20
    static let maxDataBytes = 256 << 20

    /// What the command line says of a file: it has the last word.
    struct Overrides {
        var visitors: Int?
        var durationSeconds: Double?
        var seed: UInt64?
        /// Takes what is to be told of a file that is good all the same.
        var tell: (String) -> Void = { printError($0) }
    }

    /// Reads and checks the file. Blocks on the disk. Throws everything that is wrong with it, in the order of the file.
    static func load(_ path: String, _ overrides: Overrides = Overrides()) throws(SettingsError) -> Scenario {
        let bytes: [UInt8]
        do {
            bytes = try SettingsFile.read(path, limit: self.maxBytes)
        } catch {
            throw SettingsError([
                SettingsProblem(file: path, position: nil, path: "", message: "\(error); name a readable YAML file")
            ])
        }
        return try self.decode(bytes, path: path, overrides)
    }

    /// What `load` does with the bytes of the file. Relative paths in it are meant from the folder of `path`.
    static func decode(
        _ bytes: [UInt8],
        path: String,
        _ overrides: Overrides = Overrides()
    ) throws(SettingsError) -> Scenario {
        let tree = try SettingsFile.tree(of: bytes, path: path)
        let root = tree ?? SettingsNode(.mapping([]), at: SourcePosition(line: 1, column: 1))
        var findings = Findings(knownKeys: { self.keys })
        findings.place("", at: root.position)
        let text = ScenarioText.read(root, at: "", &findings)
        // Also when something is wrong: whoever mends a file is to see everything at once.
        let scenario = text.scenario(in: SettingsFile.absoluteFolder(of: path), overrides, &findings)
        if let scenario, findings.problems.isEmpty { return scenario }
        let problems = findings.problems.map { position, keyPath, message in
            SettingsProblem(file: path, position: position ?? root.position, path: keyPath, message: message)
        }
        throw SettingsError(SettingsFile.sorted(problems))
    }

    /// Every key that a scenario file may hold.
    static var keys: [SettingsKey] { ScenarioText.keys(at: "") }
}
