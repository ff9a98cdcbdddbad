import Foundation

/// The script of the first version, which a fleet may still have while it is upgraded.
enum FirstScript {
    static func text() throws -> String {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("room-v1.lua")
        return try String(contentsOf: path, encoding: .utf8)
    }
}
