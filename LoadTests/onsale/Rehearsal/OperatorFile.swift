import Foundation
import Settings
import SettingsFile
import Yams

/// The operator's own configuration, read and checked as the gateway does it.
struct OperatorFile {
    let path: String
    /// What the gateway would refuse on this machine about files that a rehearsal does without: certificates, keys.
    let passedOver: [SettingsProblem]
    let root: Node

    /// Throws the gateway's own errors. Blocks on the disk.
    init(_ path: String) throws(SettingsError) {
        self.path = path
        _ = try SettingsFile.load(path, opensPorts: false)
        do {
            _ = try SettingsFile.load(path)
            self.passedOver = []
        } catch {
            self.passedOver = error.problems
        }
        self.root = try Self.compose(path)
    }

    private static func compose(_ path: String) throws(SettingsError) -> Node {
        do {
            var text = String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
            // A byte order mark would be part of the first key.
            if text.unicodeScalars.first == "\u{FEFF}" { text.unicodeScalars.removeFirst() }
            // As the gateway does: what a word means is decided by the key that it stands under.
            if let root = try Parser(yaml: text, resolver: .basic, encoding: .utf8).singleRoot() { return root }
            return Node([(Node, Node)]())
        } catch {
            let problem = SettingsProblem(file: path, position: nil, path: "", message: "\(error)")
            throw SettingsError([problem])
        }
    }
}
