import Foundation
import Settings

@testable import onsale

/// Scenario files as text, for tests.
enum ScenarioTexts {
    /// A file of the repository, found from this one.
    static func path(_ parts: String...) -> String {
        let folders = URL(filePath: #filePath).pathComponents.dropLast(3)
        return NSString.path(withComponents: folders + parts)
    }

    /// Decodes as if the text were the file `/etc/sale.yaml`.
    static func decode(
        _ text: String,
        _ overrides: ScenarioFile.Overrides = ScenarioFile.Overrides()
    ) throws(SettingsError) -> Scenario {
        try ScenarioFile.decode(Array(text.utf8), path: "/etc/sale.yaml", overrides)
    }

    /// What is wrong with the text, a line a problem, without the folder of the file.
    static func problems(_ text: String) -> [String] {
        do throws(SettingsError) {
            _ = try self.decode(text)
            return []
        } catch {
            return error.problems.map { String($0.description.dropFirst("/etc/".count)) }
        }
    }
}
