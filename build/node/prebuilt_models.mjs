// Prints WebLLM's own list of standard models as JSON. Usage: node prebuilt_models.mjs PATH_OF_WEB_LLM_INDEX_JS
import { pathToFileURL } from "node:url";

const { prebuiltAppConfig, modelVersion, modelLibURLPrefix } = await import(pathToFileURL(process.argv[2]));
process.stdout.write(JSON.stringify({ modelVersion, modelLibURLPrefix, models: prebuiltAppConfig.model_list }));
