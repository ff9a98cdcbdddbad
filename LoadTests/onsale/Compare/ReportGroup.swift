import Foundation

/// Reports that belong together, such as those of several seeds, found by what a person named.
enum ReportGroup {
    /// More in one folder are hardly meant.
    static let mostReports = 1_000

    /// Of each part between commas: a report.json, a folder that holds one, or a folder of such folders.
    static func read(_ text: String) throws -> [ReportComparison.Named] {
        let paths = try text.split(separator: ",").flatMap { try Self.files(String($0)) }
        guard !paths.isEmpty, paths.count <= Self.mostReports else {
            throw ReportFiles.Problem(
                description: paths.isEmpty
                    ? "\(text) names no report" : "\(text) holds more than \(Self.mostReports) reports"
            )
        }
        var seen: Set<String> = []
        let twice = paths.first { !seen.insert(URL(fileURLWithPath: $0).resolvingSymlinksInPath().path).inserted }
        if let twice {
            // Counted twice, it would make chance look smaller than it is.
            throw ReportFiles.Problem(description: "\(twice) is named twice in \(text): leave one out")
        }
        return try paths.map { ReportComparison.Named(name: $0, report: try ReportFiles.read($0)) }
    }

    private static func files(_ path: String) throws -> [String] {
        let manager = FileManager.default
        var isFolder: ObjCBool = false
        guard manager.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw ReportFiles.Problem(
                description: "\(path) is not there: name a report.json, or a folder that holds reports"
            )
        }
        guard isFolder.boolValue else { return [path] }
        let own = "\(path)/report.json"
        if manager.fileExists(atPath: own) { return [own] }
        let found = try manager.contentsOfDirectory(atPath: path).sorted().map { "\(path)/\($0)/report.json" }
            .filter { manager.fileExists(atPath: $0) }
        guard !found.isEmpty else {
            throw ReportFiles.Problem(description: "\(path) holds no report.json, nor does a folder in it")
        }
        return found
    }
}
